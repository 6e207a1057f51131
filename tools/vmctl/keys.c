// SPDX-License-Identifier: GPL-2.0-only
#include "keys.h"

#define ESCAPE	0x01	/* Ctrl-A */

/* Lines end as a raw terminal wants them. */
const char keys_help[] =
	"\r\n"
	"Ctrl-A x       end vmctl\r\n"
	"Ctrl-A h       this text\r\n"
	"Ctrl-A Ctrl-A  Ctrl-A for the guest\r\n";

size_t keys_filter(struct keys *k, uint8_t *buf, size_t len, unsigned int *actions)
{
	size_t in, out = 0;

	*actions = 0;
	for (in = 0; in < len; in++) {
		if (!k->escaped && buf[in] == ESCAPE) {
			k->escaped = true;
			continue;
		}
		if (!k->escaped || buf[in] == ESCAPE)
			buf[out++] = buf[in];
		else if (buf[in] == 'x')
			*actions |= KEYS_QUIT;
		else if (buf[in] == 'h' || buf[in] == '?')
			*actions |= KEYS_HELP;
		/* No other key means anything; like these, it is gone. */
		k->escaped = false;
	}
	return out;
}
