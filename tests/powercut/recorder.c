/* SPDX-License-Identifier: ISC */
/*
 * recorder.c - a disk that remembers the order of everything: a FUSE file under a loop device.
 *   recorder MOUNTPOINT IMAGE LOG BYTES
 * MOUNTPOINT/disk is the disk (its bytes in IMAGE); each write and each flush is appended to LOG:
 *   u8 'W', u64 offset, u32 length, bytes      u8 'F'
 * MOUNTPOINT/position reads as the number of bytes logged so far, in decimal: a client that reads
 * it after an acknowledgement knows that all the effects behind it stand before that position.
 */
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INO_DISK = 2, INO_POSITION = 3 };

static struct {
	int image;
	FILE *log;
	uint64_t disk_bytes;
	uint64_t logged;
} rec;

static void
fill_stat(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof *st);
	st->st_ino = ino;
	st->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
	st->st_nlink = 1;
	st->st_size = ino == INO_DISK ? (off_t)rec.disk_bytes : 0;
}

static void
on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	(void)fi;
	fill_stat(ino, &st);
	fuse_reply_attr(req, &st, 1000);
}

static void
on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
    struct fuse_file_info *fi)
{
	(void)attr, (void)to_set;
	on_getattr(req, ino, fi);
}

static void
on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {.attr_timeout = 1000, .entry_timeout = 1000};
	(void)parent;
	if (strcmp(name, "disk") == 0)
		e.ino = INO_DISK;
	else if (strcmp(name, "position") == 0)
		e.ino = INO_POSITION;
	if (!e.ino) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	fill_stat(e.ino, &e.attr);
	fuse_reply_entry(req, &e);
}

static void
on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->direct_io = ino == INO_POSITION;
	fi->keep_cache = ino == INO_DISK;
	fuse_reply_open(req, fi);
}

static void
on_read(
    fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	char text[32];
	(void)fi;
	if (ino == INO_POSITION) {
		int n = snprintf(
		    text, sizeof text, "%llu\n", (unsigned long long)rec.logged);
		fuse_reply_buf(req, text, off == 0 ? (size_t)n : 0);
		return;
	}
	char *p = malloc(size);
	ssize_t n = p ? pread(rec.image, p, size, off) : -1;
	if (n < 0)
		fuse_reply_err(req, EIO);
	else
		fuse_reply_buf(req, p, (size_t)n);
	free(p);
}

static void
log_bytes(const void *p, size_t n)
{
	if (fwrite(p, 1, n, rec.log) != n)
		abort();
	rec.logged += n;
}

static void
on_write(fuse_req_t req, fuse_ino_t ino, const char *p, size_t n, off_t off,
    struct fuse_file_info *fi)
{
	uint64_t at = (uint64_t)off;
	uint32_t len = (uint32_t)n;
	(void)fi;
	if (ino != INO_DISK || pwrite(rec.image, p, n, off) != (ssize_t)n) {
		fuse_reply_err(req, EIO);
		return;
	}
	log_bytes("W", 1);
	log_bytes(&at, sizeof at);
	log_bytes(&len, sizeof len);
	log_bytes(p, n);
	fuse_reply_write(req, n);
}

static void
on_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)datasync, (void)fi;
	if (ino == INO_DISK)
		log_bytes("F", 1);
	fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops ops = {.lookup = on_lookup,
    .getattr = on_getattr,
    .setattr = on_setattr,
    .open = on_open,
    .read = on_read,
    .write = on_write,
    .fsync = on_fsync};

int
main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: recorder MOUNTPOINT IMAGE LOG BYTES\n");
		return 64;
	}
	rec.disk_bytes = strtoull(argv[4], NULL, 10);
	rec.image = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600);
	rec.log = fopen(argv[3], "wb");
	if (rec.image < 0 || !rec.log ||
	    ftruncate(rec.image, (off_t)rec.disk_bytes) != 0) {
		perror("recorder");
		return 73;
	}
	char *fuse_argv[] = {argv[0], (char[]){"-osubtype=recorder"}, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(2, fuse_argv);
	struct fuse_session *s = fuse_session_new(&args, &ops, sizeof ops, NULL);
	if (!s || fuse_set_signal_handlers(s) != 0 ||
	    fuse_session_mount(s, argv[1]) != 0)
		return 71;
	int err = fuse_session_loop(s);
	fuse_session_unmount(s);
	fuse_session_destroy(s);
	fflush(rec.log);
	return err ? 71 : 0;
}
