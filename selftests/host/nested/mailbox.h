/* SPDX-License-Identifier: GPL-2.0-only */
/* How the nested host hands over what its command says: memory that both have, and a port. */
#ifndef NESTED_MAILBOX_H
#define NESTED_MAILBOX_H

#define MAILBOX_SIZE	(64 << 10)
/* So many bytes are in the mailbox; 0 waits until all that came before is out. */
#define MAILBOX_PORT	0x700

#endif
