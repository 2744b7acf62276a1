/* SPDX-License-Identifier: ISC */
/* import_state.h - what the files import*.c share. */
#ifndef MOVE_IMPORT_STATE_H
#define MOVE_IMPORT_STATE_H

#include "move/asks.h"
#include "move/import.h"
#include "move/known.h"
#include "move/source.h"
#include "store/incoming.h"

struct import {
	const struct import_options *options;
	int command;         /* borrow */
	struct store *store; /* own */
	struct source source;
	struct source_folders folders; /* own */
	int status;   /* of sysexits.h: the first thing that went wrong */
	bool is_over; /* the source or the store is lost: no more folders */
};

/* A message of the mailbox here, by its file. */
struct have {
	struct file_id id;
	uint32_t uid, flags;
};

/* A message on its way. */
struct arriving {
	struct incoming incoming; /* its file */
	size_t index;             /* in the listing */
	struct span keywords[STORE_KEYWORDS_MAX];
};

struct folder {
	struct import *import;
	const struct source_folder *from;
	struct listing listing; /* own */
	struct known known;     /* own */
	bool has_known;         /* from an earlier run */
	struct buf path;        /* own: of what is known */
	struct store_mailbox target;
	bool has_target;
	bool keeps_numbers;
	struct have *have; /* own; in order of id */
	size_t n_have;
	/* keywords of the listing that the mailbox has, or has room for */
	uint64_t fitting;
	struct move_row row;
	struct buf note; /* own: row.note */

	struct {
		struct arriving *all; /* own; IMPORT_BATCH_MESSAGES */
		/* whole ones; the one behind them is being written when is_open */
		size_t n;
		bool is_open;
		uint64_t bytes;
		struct crlf *crlf; /* own */
		struct buf text;   /* own: of one piece, with CRLF */
		uint32_t uidnext;  /* of the mailbox */
		/* own: by index in the listing; and has not come yet */
		bool *is_wanted;
		bool is_noted; /* the file of what is known is there, with its head */
		/* whether its last rows were appended, is not known */
		bool is_in_doubt;
		uint64_t done, of; /* for people */
	} append;
};

/* ---- import.c ---- */
/* import_failed - for people, and the exit status; the import goes on */
void import_failed(struct import *, int status, const char *fmt, ...) FMT(3, 4);
/* import_over - the same, and it ends */
void import_over(struct import *, int status, const char *fmt, ...) FMT(3, 4);
const char *said_text(enum store_said);

/* ---- import_folder.c ---- */
void folder_run(struct import *, const struct source_folder *);
/* a remark in its row */
void folder_note(struct folder *, const char *fmt, ...) FMT(2, 3);

/* ---- import_target.c ---- */
/*
 * target_find - the mailbox, made where it is missing unless it is a dry run.  E_OK, E_BAD (noted)
 */
MUST_USE int target_find(struct folder *);
/* target_numbers - UIDVALIDITY and UIDs of the source, where they can be had */
void target_numbers(struct folder *);
/* target_numbers_end - UIDNEXT as the source has it, once all is here */
void target_numbers_end(struct folder *);
/* subscribe_all - as the source has it, for folders that come for the first time */
void subscribe_all(struct import *);
/* special_uses - of folders whose source does not tell, by their names */
void special_uses(struct source_folders *);

/* ---- import_append.c ---- */
/* append_all - fetches these of the listing.  What failed shows in f->known */
void append_all(struct folder *, const uint32_t *wanted, size_t n);
/* known_write - what is known now, whole.  E_OK, E_IO */
MUST_USE int known_write(struct folder *);

#endif
