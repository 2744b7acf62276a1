/* SPDX-License-Identifier: ISC */
/* hold.h - mail that is held when it comes, by the rules of the setting hold (conf/rule.h). */
#ifndef QUEUE_HOLD_H
#define QUEUE_HOLD_H

#include "spool/envelope.h"

/* hold_rule_for - the first rule that it fits, as it stands in the setting; NULL: none */
const char *hold_rule_for(const struct envelope *);

#endif
