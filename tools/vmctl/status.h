/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The exit statuses of `vmctl run`. A guest ends with a status of its own choice
 * by a write to port 0xf4, so each of these can also be the guest's: the words on
 * standard error, or "by" in the JSON object, tell them apart.
 */
#ifndef VMCTL_STATUS_H
#define VMCTL_STATUS_H

enum vmctl_status {
	ST_OK		= 0,	/* the guest halted, or said 0 */
	ST_USAGE	= 100,
	ST_BAD_IMAGE	= 101,
	ST_UNSUPPORTED	= 102,	/* a kind of image that vmctl does not load */
	ST_NO_DEVICE	= 103,
	ST_PERMISSION	= 104,
	ST_REFUSED	= 105,	/* the module or this machine refuses */
	ST_SYSTEM	= 106,	/* an error of the system: memory, files, a lost device */
	ST_SHUTDOWN	= 107,	/* triple fault */
	ST_FAIL_ENTRY	= 108,
	ST_MEMORY_FAULT	= 109,
	ST_UNKNOWN_EXIT	= 110,
	ST_STRICT	= 111,	/* --strict: an access to no device */
	ST_BAD_INSN	= 112,	/* an instruction that cannot be carried out */
	ST_RESET	= 113,	/* the guest asked for a reset */
	ST_TIMEOUT	= 124,	/* as timeout(1) */
	ST_SIGNAL	= 128,	/* + the signal's number; SIGPIPE: standard output was closed */
};

#endif
