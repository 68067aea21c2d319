/* SPDX-License-Identifier: Apache-2.0 */
#include "tell_secret.h"

#include "../cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool read_hex(const char *text, uint8_t secret[TELL_SECRET_LEN])
{
	for (size_t i = 0; i < TELL_SECRET_LEN; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		secret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool is_zero(const uint8_t secret[TELL_SECRET_LEN])
{
	uint8_t bits = 0;

	for (size_t i = 0; i < TELL_SECRET_LEN; i++)
		bits |= secret[i];
	return !bits;
}

int tell_secret_read(const char *path, uint8_t secret[TELL_SECRET_LEN])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[2 * TELL_SECRET_LEN + 3];
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return -errno;
	if (n == TELL_SECRET_LEN) {
		memcpy(secret, text, TELL_SECRET_LEN);
	} else {
		while (n > 2 * TELL_SECRET_LEN && (text[n - 1] == '\n' || text[n - 1] == '\r'))
			n--;
		if (n != 2 * TELL_SECRET_LEN || !read_hex(text, secret))
			r = -EINVAL;
	}
	explicit_bzero(text, sizeof(text));
	return r || is_zero(secret) ? -EINVAL : 0;
}
