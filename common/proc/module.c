/* SPDX-License-Identifier: ISC */
/* module.c - libraries that one role needs, or one configuration. */
#include "proc/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Beside the program: where it was installed, or where it was built. */
static const struct {
	const char *path;
	bool has_folders; /* each folder of common/ has its own modules there */
} places[] = {
    {MODULES, false}, {"../common", true}, {"..", true}, {"../../common", true}};

void *
module_open(const char *folder, const char *name)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe);
	struct span program = span_make(exe, n > 0 ? (size_t)n : 0);
	void *module = NULL;
	for (size_t i = 0; i < COUNT(places) && !module; i++) {
		struct buf path = {0};
		buf_putf(&path, "%.*s/%s/%s%s%s.so",
		    SPAN_ARG(span_head(program, span_rfind(program, '/'))),
		    places[i].path, places[i].has_folders ? folder : "",
		    places[i].has_folders ? "/" : "", name);
		module = dlopen(buf_cstr(&path), RTLD_NOW | RTLD_LOCAL);
		buf_free(&path);
	}
	return module;
}

void
module_take(void *module, const char *symbol, void *function)
{
	void *found = dlsym(module, symbol);
	if (!found)
		bug(symbol);
	memcpy(function, &found, sizeof found);
}
