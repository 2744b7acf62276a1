/* SPDX-License-Identifier: ISC */
/* copy_here.c - files of an agent's own new/. */
#include "deliver/copy_here.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "account/usage.h"
#include "base/file.h"
#include "base/log.h"
#include "deliver/newfile.h"
#include "tls/hash.h"

enum { PARTS = 4 };

static const char placed_name[] = "../placed"; /* from new/ */

static struct file_id
id_of(struct file_id id, unsigned number)
{
	struct buf text = {0};
	unsigned char sum[SHA256_BYTES];
	buf_str(&text, "copy");
	buf_put(&text, id.b, sizeof id.b);
	buf_u16(&text, (uint16_t)number);
	sha256(buf_as_span(&text), sum);
	memcpy(id.b, sum, sizeof id.b);
	buf_free(&text);
	return id;
}

/* Its bytes, one behind the other. */
static void
parts_of(const struct agent_store *s, struct span message, struct span file,
    struct span out[PARTS])
{
	struct span path = span_head(file, file.n - message.n);
	memset(out, 0, PARTS * sizeof *out);
	if (!s->is_text && !s->has_head) {
		out[0] = file;
		return;
	}
	out[0] = s->is_text ? SPAN("Return-Path: <>\r\n") : path;
	out[1] = s->text;
	out[2] = s->body;
	if (!s->is_text && !s->has_body)
		out[3] = span_from(message, s->body_at);
}

static void
name_of(struct file_name *name, const struct span parts[PARTS])
{
	struct hash *h = hash_new();
	for (size_t i = 0; i < PARTS; i++) {
		hash_add(h, parts[i]);
		name->size_bytes += parts[i].n;
	}
	hash_end(&h, name->sha256);
}

/* E_OK, E_IO (errno) */
static int
write_message(int folder, const struct file_name *name, const struct span parts[PARTS])
{
	struct buf path = {0};
	bool is_fresh;
	int fd = -1;
	file_name_put(&path, name);
	int err = newfile_create(folder, buf_cstr(&path), name, &fd, &is_fresh);
	/* it counts as what comes does, from before its bytes are there */
	if (err == E_OK && is_fresh)
		placed_add(folder, placed_name, (unsigned)getpid(), name->size_bytes);
	for (size_t i = 0; i < PARTS && err == E_OK; i++)
		err = file_write(fd, parts[i]);
	if (err == E_OK && fdatasync(fd) != 0)
		err = E_IO;
	if (fd >= 0)
		close(fd);
	buf_free(&path);
	return err;
}

static int
write_directions(int folder, const struct file_name *name, struct span bytes)
{
	int fd = -1;
	if (!name->is_directed)
		return E_OK;
	int err = newfile_directions(folder, name, bytes, &fd);
	if (err == E_OK && fdatasync(fd) != 0)
		err = E_IO;
	if (fd >= 0)
		close(fd);
	return err;
}

int
copy_here(int home, struct file_id id, const struct agent_store *s, struct span message,
    struct span file)
{
	struct file_name name = {
	    .id = id_of(id, s->number), .is_directed = s->directions.n > 0};
	struct span parts[PARTS];
	int folder =
	    openat(home, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int err = folder >= 0 ? E_OK : E_IO;
	parts_of(s, message, file, parts);
	name_of(&name, parts);
	if (err == E_OK)
		err = write_directions(folder, &name, s->directions);
	if (err == E_OK)
		err = write_message(folder, &name, parts);
	if (err == E_OK && fsync(folder) != 0)
		err = E_IO;
	if (err != E_OK)
		log_event(LOG_ERR, "not_copied", "err=%s", log_errno(errno));
	if (folder >= 0)
		close(folder);
	return err == E_OK ? E_OK : E_LIMIT;
}
