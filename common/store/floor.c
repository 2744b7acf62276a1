/* SPDX-License-Identifier: ISC */
/*
 * floor.c - numbers that are never given out twice; and small files that change whole or not at
 * all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/keeper.h"

static const char floor_name[] = "floor";

enum { FLOOR_TEXT_MAX = 200, TEMPORARY_MAX = 64 };

static int
world_err(void)
{
	return errno == ENOSPC || errno == EDQUOT ? E_LIMIT : E_IO;
}

static int
sync_here(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd >= 0 && fsync(fd) == 0 ? E_OK : world_err();
	if (fd >= 0)
		close(fd);
	return err;
}

/* The name has these bytes, all of them or what was. */
static int
write_whole(const char *temporary, struct span bytes, unsigned mode, bool is_synced)
{
	struct stat st;
	int fd =
	    open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
	int err = fd >= 0 && fstat(fd, &st) == 0 ? E_OK : world_err();
	if (err == E_OK && (st.st_mode & 07777) != mode &&
	    fchmod(fd, (mode_t)mode) != 0)
		err = world_err();
	if (err == E_OK && write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n)
		err = world_err();
	if (err == E_OK && st.st_size > (off_t)bytes.n &&
	    ftruncate(fd, (off_t)bytes.n) != 0)
		err = world_err();
	if (err == E_OK && is_synced && fdatasync(fd) != 0)
		err = world_err();
	if (fd >= 0)
		close(fd);
	return err;
}

static int
told(const char *name, int err)
{
	if (err != E_OK)
		log_event(LOG_ERR, "file_not_written", "name=%s err=%s", name,
		    log_errno(errno));
	return err;
}

int
file_replace(const char *name, struct span bytes, unsigned mode, bool is_synced)
{
	char temporary[TEMPORARY_MAX];
	snprintf(temporary, sizeof temporary, "%s.new", name);
	int err = write_whole(temporary, bytes, mode, is_synced);
	if (err == E_OK && rename(temporary, name) != 0)
		err = world_err();
	if (err == E_OK && is_synced)
		err = sync_here();
	return told(name, err);
}

/*
 * The two files change places, and neither is made nor removed: on ext4 that is most of what it
 * takes, with the writing that a rename over a file begins.
 */
int
file_swap(const char *name, struct span bytes, unsigned mode)
{
	char temporary[TEMPORARY_MAX];
	snprintf(temporary, sizeof temporary, "%s.new", name);
	int err = write_whole(temporary, bytes, mode, false);
	if (err == E_OK &&
	    renameat2(AT_FDCWD, temporary, AT_FDCWD, name, RENAME_EXCHANGE) != 0 &&
	    rename(temporary, name) != 0) /* it was not there yet */
		err = world_err();
	return told(name, err);
}

int
floor_read(struct floor *f)
{
	char text[FLOOR_TEXT_MAX];
	unsigned long long modseq;
	int fd = open(floor_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	*f = (struct floor){.uid = 0};
	if (fd < 0)
		return errno == ENOENT ? E_BAD : E_IO;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n < 0)
		return E_IO;
	text[n] = '\0';
	if (sscanf(text, "uidvalidity %u mailbox %u uid %u modseq %llu",
		&f->uidvalidity, &f->mailbox, &f->uid, &modseq) != 4)
		return E_BAD;
	f->modseq = modseq;
	return E_OK;
}

int
floor_write(const struct floor *f)
{
	char text[FLOOR_TEXT_MAX];
	int n = snprintf(text, sizeof text,
	    "uidvalidity %u mailbox %u uid %u modseq %llu\n", f->uidvalidity,
	    f->mailbox, f->uid, (unsigned long long)f->modseq);
	return file_replace(floor_name, span_make(text, (size_t)n), 0600, true);
}

static uint32_t
ahead(uint32_t number, uint32_t by)
{
	return number > UINT32_MAX - by ? UINT32_MAX : number + by;
}

int
floor_reserve(struct floor *f, const struct floor *least)
{
	struct floor next = *f;
	if (least->uid <= f->uid && least->modseq <= f->modseq &&
	    least->uidvalidity <= f->uidvalidity && least->mailbox <= f->mailbox)
		return E_OK;
	if (least->uid > f->uid)
		next.uid = ahead(least->uid, FLOOR_UIDS_AHEAD);
	if (least->modseq > f->modseq)
		next.modseq = least->modseq + FLOOR_MODSEQS_AHEAD;
	if (least->uidvalidity > f->uidvalidity)
		next.uidvalidity = ahead(least->uidvalidity, FLOOR_NAMES_AHEAD);
	if (least->mailbox > f->mailbox)
		next.mailbox = ahead(least->mailbox, FLOOR_NAMES_AHEAD);
	int err = floor_write(&next);
	if (err == E_OK)
		*f = next;
	return err;
}
