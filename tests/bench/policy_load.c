/* SPDX-License-Identifier: ISC */
/*
 * policy_load.c - sends prepared messages: policy_load PORT CONNECTIONS FILE USERS.  FILE holds them one
 * behind the other, each as "SENDER BYTES\n" and its dot-stuffed text with the final dot.  Prints how many
 * were taken, in what time: "taken=2000 seconds=0.412".
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGES_MAX = 100000, LINE_MAX_BYTES = 1024, CONNECTIONS_MAX = 500 };

static struct {
	char sender[256];
	const char *text;
	size_t n;
} messages[MESSAGES_MAX];

static size_t n_messages;
static atomic_size_t next, n_taken;
static uint16_t port;
static unsigned users;

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
load(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) != 0)
		die(path);
	const char *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	const char *end = p + st.st_size;
	while (p < end && n_messages < MESSAGES_MAX) {
		int used = 0;
		if (sscanf(p, "%255s %zu\n%n", messages[n_messages].sender,
			&messages[n_messages].n, &used) != 2)
			die("head of a message");
		messages[n_messages].text = p + used;
		p += (size_t)used + messages[n_messages++].n;
	}
}

static void
say(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);
		if (k <= 0)
			die("write");
		p += k;
		n -= (size_t)k;
	}
}

/* Whole replies, so many; the code of the last. */
static int
hear(FILE *in, int n)
{
	char line[LINE_MAX_BYTES];
	int code = 0;
	while (n > 0) {
		if (!fgets(line, sizeof line, in))
			return 0;
		code = atoi(line);
		if (strlen(line) > 3 && line[3] == ' ')
			n--;
		if (code >= 400)
			fprintf(stderr, "policy_load: %s", line);
	}
	return code;
}

static int
open_connection(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

static void *
client(void *ctx)
{
	char line[LINE_MAX_BYTES];
	size_t i;
	int fd = open_connection();
	FILE *in = fdopen(fd, "r");
	(void)ctx;
	hear(in, 1);
	say(fd, "EHLO client.test\r\n", 18);
	hear(in, 1);
	while ((i = atomic_fetch_add(&next, 1)) < n_messages) {
		int n = snprintf(line, sizeof line,
		    "MAIL FROM:<%s>\r\nRCPT TO:<u%u@example.test>\r\nDATA\r\n",
		    messages[i].sender, (unsigned)(i % users) + 1);
		say(fd, line, (size_t)n);
		if (hear(in, 3) != 354)
			break;
		say(fd, messages[i].text, messages[i].n);
		if (hear(in, 1) == 250)
			atomic_fetch_add(&n_taken, 1);
	}
	say(fd, "QUIT\r\n", 6);
	hear(in, 1);
	fclose(in);
	return NULL;
}

int
main(int argc, char **argv)
{
	pthread_t threads[CONNECTIONS_MAX];
	struct timespec from, to;
	int n = argc == 5 ? atoi(argv[2]) : 0;
	if (n < 1 || n > CONNECTIONS_MAX) {
		fputs("usage: policy_load PORT CONNECTIONS FILE USERS\n", stderr);
		return 64;
	}
	port = (uint16_t)atoi(argv[1]);
	users = (unsigned)atoi(argv[4]);
	load(argv[3]);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, client, NULL) != 0)
			die("thread");
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("taken=%zu seconds=%.3f\n", (size_t)n_taken,
	    (double)(to.tv_sec - from.tv_sec) +
		(double)(to.tv_nsec - from.tv_nsec) / 1e9);
	return 0;
}
