/* SPDX-License-Identifier: ISC */
/*
 * nosync.c - preloaded: syncs that say they did it and did nothing.  The powercut suite must
 * notice.
 */
int fsync(int fd);
int fdatasync(int fd);
int syncfs(int fd);

int
fsync(int fd)
{
	(void)fd;
	return 0;
}

int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}

int
syncfs(int fd)
{
	(void)fd;
	return 0;
}
