/* SPDX-License-Identifier: ISC */
/* cmd_config.c - what differs from the defaults, or all settings. */
#include <stdio.h>

#include "ctl/ctl.h"

int
cmd_config(struct merpati *c, int argc, char **argv)
{
	bool is_all = false, is_manual = false;
	const struct opt opts[] = {
	    {"--all", &is_all, NULL}, {"--manual", &is_manual, NULL}};
	struct buf out = {0}, errors = {0};
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 0, 0);
	if (status != EX_OK)
		return status;
	if (is_manual)
		conf_manual(&out);
	else if (conf_load(c->conf_path, &errors, &c->conf) != E_OK)
		status = EX_CONFIG;
	else if (c->is_json)
		conf_dump_json(c->conf, is_all, &out);
	else
		conf_dump(c->conf, is_all, &out);
	ctl_put(stderr, &errors);
	ctl_put(stdout, &out);
	buf_free(&errors);
	buf_free(&out);
	return status == EX_OK ? ctl_done() : status;
}
