/* SPDX-License-Identifier: ISC */
/* sealed.c - bytes for another process, in a memory file. */
#include "queue/sealed.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

int
sealed_copy(struct span bytes)
{
	int fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	if (file_write(fd, bytes) != E_OK) {
		close(fd);
		return -1;
	}
	fcntl(
	    fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	return fd;
}
