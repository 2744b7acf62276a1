/* SPDX-License-Identifier: ISC */
/*
 * warm.c - the library used once, in memory, before processes are forked that use it.  Its functions
 * find each other when they are first called (300 of them, a microsecond or two each), and a process
 * that opens an environment for a moment would do little else: so its parent has done it.
 */
#include <db.h>
#include <string.h>

#include "db/db.h"

enum {
	WARM_BYTES = 256 << 10, /* cache and log, gone again at the end */
	WARM_LOG_BYTES = 64 << 10,
};

static int
open_env(DB_ENV *env)
{
	int err = env->set_cachesize(env, 0, WARM_BYTES, 1);
	if (!err)
		err = env->log_set_config(env, DB_LOG_IN_MEMORY, 1);
	if (!err)
		err = env->set_lg_bsize(env, WARM_BYTES);
	if (!err)
		err = env->set_lg_max(env, WARM_LOG_BYTES);
	return err ? err
	           : env->open(env, NULL,
			 DB_CREATE | DB_PRIVATE | DB_INIT_LOG | DB_INIT_MPOOL |
			     DB_INIT_TXN,
			 0600);
}

static int
use_cursor(DB *table, DB_TXN *txn)
{
	DBC *c;
	DBT key, value;
	memset(&key, 0, sizeof key);
	memset(&value, 0, sizeof value);
	int err = table->cursor(table, txn, &c, 0);
	if (err)
		return err;
	err = c->get(c, &key, &value, DB_FIRST);
	if (!err)
		err = c->get(c, &key, &value, DB_NEXT);
	c->close(c);
	return err == DB_NOTFOUND ? 0 : err;
}

static int
use_rows(DB_ENV *env, DB *table)
{
	DB_TXN *txn;
	DBT key, value;
	memset(&key, 0, sizeof key);
	memset(&value, 0, sizeof value);
	key.data = value.data = (char[]){'x'};
	key.size = value.size = 1;
	int err = env->txn_begin(env, NULL, &txn, DB_TXN_NOSYNC);
	if (err)
		return err;
	err = table->put(table, txn, &key, &value, 0);
	if (!err)
		err = use_cursor(table, txn);
	if (!err)
		err = table->del(table, txn, &key, 0);
	return err ? txn->abort(txn) : txn->commit(txn, DB_TXN_NOSYNC);
}

/* What fails here fails where it is used, and is said there. */
void
db_warm(void)
{
	DB_ENV *env;
	DB *table;
	if (db_env_create(&env, 0) != 0)
		return;
	if (open_env(env) == 0 && db_create(&table, env, 0) == 0) {
		int err = table->set_flags(table, DB_CHKSUM);
		if (!err)
			err = table->open(table, NULL, NULL, "warm", DB_BTREE,
			    DB_AUTO_COMMIT | DB_CREATE, 0600);
		if (!err)
			err = use_rows(env, table);
		if (!err)
			err = env->log_flush(env, NULL);
		if (!err)
			err = env->memp_sync(env, NULL);
		if (!err)
			err = env->txn_checkpoint(env, 0, 0, DB_FORCE);
		table->close(table, err ? DB_NOSYNC : 0);
	}
	env->close(env, 0);
}
