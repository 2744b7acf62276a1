/* SPDX-License-Identifier: ISC */
/* run_state.h - what a run carries along, and what tests and actions use of it. */
#ifndef SIEVE_RUN_STATE_H
#define SIEVE_RUN_STATE_H

#include "sieve/run.h"
#include "sieve/word.h"

enum sieve_flow {
	FLOW_GO,
	FLOW_STOP,
	FLOW_RETURN, /* to the script that included this one */
	FLOW_BREAK,  /* out of run->break_to */
};

/* A script that runs: the main one, or one that is included. */
struct sieve_frame {
	struct sieve_frame *outer;
	const struct sieve_script *script;
	struct buf *locals; /* own: values by slot */
	unsigned n_locals;
};

/* A foreverypart that runs. */
struct sieve_part_loop {
	struct sieve_part_loop *outer;
	const struct part *part;
	struct span name;
	size_t number; /* of the part, while the message is made anew */
	bool is_over;  /* it was enclosed: its parts are others */
};

/* What a part says, decoded: kept as long as the message stays as it is. */
struct body_text {
	struct body_text *next;
	const struct part *part;
	bool is_seen; /* of HTML what a reader sees */
	size_t most;  /* octets of it that were looked at */
	struct span text;
};

struct sieve_run {
	const struct sieve_program *program; /* borrow */
	const struct sieve_input *in;        /* borrow */
	struct sieve_result *result;         /* borrow */
	struct sieve_errors *errors;         /* borrow */
	int err;                             /* sticks: the run ends where it is seen */
	struct arena tmp;                    /* own: until the next command */
	struct arena arena;                  /* own: until the end of the run */

	struct sieve_frame *frame;
	struct buf *globals;   /* own: values by slot */
	uint8_t *was_included; /* by script id: for :once */
	unsigned include_depth;
	enum sieve_flow flow;
	const struct sieve_part_loop *break_to;
	struct sieve_part_loop *loop; /* innermost */

	struct buf match_text; /* own: what the values below are in */
	struct span match_values[SIEVE_MATCH_VALUES_MAX];
	size_t n_match_values;

	/* the message as it is now: its head is head, its body stands in message from body_at on */
	struct span message; /* that of in, or in remade */
	size_t body_at;
	struct buf remade; /* own: by replace and enclose */
	bool is_remade;
	struct arena tree_arena; /* own */
	const struct tree
	    *tree; /* borrow, or own_tree; of message; NULL: not yet made */
	struct tree own_tree;
	struct body_text *texts; /* borrow: tree_arena */
	struct span head;        /* in message, or in edited */
	struct buf edited;       /* own */
	bool is_edited;          /* head is in edited */
	struct sieve_text
	    taken; /* as the last action took it; p NULL: none did since */

	struct buf
	    flags;      /* own: the internal variable of imap4flags, a blank between */
	bool has_flags; /* a command of imap4flags was there */
	bool is_keep_cancelled;
	struct sieve_action **own; /* where this run's actions begin */
	struct sieve_action **end; /* of the result's list */
};

/* ---- run.c ---- */
enum {
	CALL_WORK = 20000
}; /* what a question to the caller is worth in octets compared */

/* run_error - says it with its line; sticks.  E_BAD */
int run_error(struct sieve_run *, unsigned line, const char *fmt, ...) FMT(3, 4);
int run_limit(struct sieve_run *, unsigned line, const char *fmt, ...) FMT(3, 4);
/* run_step - a step more: a command, a test, a turn of a loop; E_OK, E_LIMIT (said; sticks) */
int run_step(struct sieve_run *, unsigned line);
/* run_spend - that much work more, said before it is done; E_OK, E_LIMIT (said; sticks) */
int run_spend(struct sieve_run *, unsigned line, uint64_t work);
/* run_work - what is left of it, to be counted and spent by who cannot say it before */
struct sieve_work run_work(const struct sieve_run *);
/* memory until the next command; NULL: none left (said; sticks) */
void *run_get(struct sieve_run *, size_t bytes);
struct span run_copy(struct sieve_run *, const struct buf *); /* the same, of bytes */
bool run_traces(const struct sieve_run *);
void run_trace(struct sieve_run *, unsigned line, const char *fmt, ...) FMT(3, 4);
int run_commands(struct sieve_run *, const struct sieve_node *first);
int run_test(struct sieve_run *, const struct sieve_node *, bool *out);

/* ---- value.c ---- */
/* run_string - with variables filled in; borrow: until the next command */
struct span run_string(struct sieve_run *, const struct sieve_string *);
/* of an argument that is one string; empty for NULL */
struct span run_arg(struct sieve_run *, const struct sieve_arg *);
/* of a list: all of them; n 0 for NULL */
struct span *run_list(struct sieve_run *, const struct sieve_arg *, size_t *n);

/* ---- compare.c, match.c ---- */
enum sieve_comparator { CMP_CASEMAP, CMP_OCTET, CMP_NUMERIC, CMP_UNICODE };

enum sieve_relation { REL_GT, REL_GE, REL_LT, REL_LE, REL_EQ, REL_NE };

struct sieve_key;

struct sieve_matcher {
	const struct sieve_node *node;
	enum sieve_match_kind kind;
	enum sieve_comparator comparator;
	enum sieve_relation relation;
	struct sieve_key *keys; /* borrow: run->tmp */
	size_t n_keys;
	bool is_sorted;    /* they are, as the comparator folds them */
	size_t n_values;   /* that were compared */
	uint64_t count;    /* of :count */
	bool keeps_values; /* what wildcards match is nobody's to see: RFC 5173 6 */
	bool is_found;
};

MUST_USE int match_begin(struct sieve_run *, const struct sieve_node *,
    const struct sieve_arg *keys, struct sieve_matcher *);
/* match_value - one value more; nothing once it was found */
int match_value(struct sieve_run *, struct sieve_matcher *, struct span value);
int match_end(struct sieve_run *, struct sieve_matcher *, bool *out);
/* comparator_find - by its name; -1 */
int comparator_find(struct span name);
int relation_find(struct span name);
int comparator_compare(enum sieve_comparator, struct span a, struct span b);
bool relation_holds(enum sieve_relation, int compared);
/* comparator_fold - what is compared as octets instead of it */
void comparator_fold(enum sieve_comparator, struct span, struct buf *out);

/* ---- variables.c ---- */
/* value of a variable: what PIECE_LOCAL and PIECE_GLOBAL mean */
struct buf *variable_of(struct sieve_run *, bool is_global, unsigned slot);
/* cut_utf8 - no more than that many octets of it, and no half character */
struct span cut_utf8(struct span, size_t most);
/* cut at the limit between two characters */
void variable_set(struct sieve_run *, bool is_global, unsigned slot, struct span value);
void modify(
    struct sieve_run *, const struct sieve_node *, struct span value, struct buf *out);

/* ---- view.c: the message as the script sees it ---- */
const struct tree *view_tree(struct sieve_run *);
struct span view_head(struct sieve_run *); /* of the message, as edited */
/* view_head_seen - as much of a head as tests look at */
struct span view_head_seen(struct span head);
const struct part *view_part(
    struct sieve_run *); /* of the innermost foreverypart, or the root */
struct span view_part_head(struct sieve_run *, const struct part *);
/* view_take - head and body for an action: copied into the result where they were changed */
void view_take(struct sieve_run *, struct sieve_action *);
/* view_begin - from now on this is the message, without a tree; nothing of it was changed */
void view_begin(struct sieve_run *, struct span message);
/* view_remake - takes text, which is the message from now on, with its work.  E_OK, E_LIMIT (said) */
int view_remake(struct sieve_run *, unsigned line, struct buf *text);
/* how its lines end: "\r\n" or "\n"; borrow: static */
const char *view_eol(const struct sieve_run *);
/*
 * view_each_field - calls do for each field that a test means: by the names, :index and :last,
 * :mime and :anychild.  is_first_error ends it.
 */
typedef int view_field_fn(
    struct sieve_run *, struct span name, struct span raw, void *ctx);
int view_each_field(struct sieve_run *, const struct sieve_node *,
    const struct span *names, size_t n, view_field_fn *, void *ctx);

/* ---- actions.c ---- */
/*
 * action_add - at the end of the result.  E_OK, E_BAD (excluded by what is there), E_LIMIT; said
 */
MUST_USE int action_add(
    struct sieve_run *, const struct sieve_node *, const struct sieve_action *);
struct span action_span(struct sieve_run *, struct span); /* copy into the result */
const struct span *action_spans(struct sieve_run *, const struct span *, size_t n);
/* the tags of a command that say where: flags, create, special-use, mailboxid */
void action_store(struct sieve_run *, const struct sieve_node *, struct span mailbox,
    struct sieve_store *out);
void action_fcc(struct sieve_run *, const struct sieve_node *, struct sieve_store *out);
/* mailbox_name_ok - UTF-8, of a length, without control characters */
bool mailbox_name_ok(struct span name);
/* special_use_ok - a flag of IMAP's that begins with a backslash: RFC 6154 2 */
bool special_use_ok(struct span flag);

/* ---- flags.c ---- */
/* flags_put - those of a list, split at blanks, each once and behind what is in out */
void flags_put(struct buf *out, const struct span *rows, size_t n);
struct sieve_flags flags_taken(
    struct sieve_run *, struct span text); /* into the result */

/* ---- address_text.c ---- */
/* address_one - one address, with a name or without: local-part@domain of it put into out; false */
bool address_one(struct span text, struct buf *out);
bool address_domain_ok(struct span);
bool address_list_ok(struct span text); /* one or several, each as above */

/* ---- what rows of the table name ---- */
typedef int command_fn(struct sieve_run *, const struct sieve_node *);
typedef int test_fn(struct sieve_run *, const struct sieve_node *, bool *out);
command_fn run_if, run_stop, run_keep, run_discard, run_redirect, run_pipe,
    run_fileinto, run_reject, run_ereject, run_vacation, run_setflag, run_addflag,
    run_removeflag, run_set, run_include, run_return, run_nothing, run_foreverypart,
    run_break, run_extracttext, run_replace, run_enclose, run_addheader,
    run_deleteheader, run_notify, run_error_command;
test_fn test_true, test_false, test_not, test_allof, test_anyof, test_address,
    test_envelope, test_exists, test_header, test_size, test_body, test_environment,
    test_string, test_hasflag, test_date, test_currentdate, test_ihave,
    test_mailboxexists, test_metadata, test_metadataexists, test_servermetadata,
    test_servermetadataexists, test_spamtest, test_virustest, test_duplicate,
    test_valid_ext_list, test_valid_notify_method, test_notify_method_capability,
    test_specialuse_exists, test_mailboxidexists;

#endif
