/* SPDX-License-Identifier: Apache-2.0 */
#include "tape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../bpf/events.h"
#include "../cleanup.h"

#define ORDER 0x01020304u

static const struct tape_header header = {TAPE_MAGIC, KH_ABI_VERSION, ORDER};

int tape_create(struct tape *tape, const char *path)
{
	/* without O_NONBLOCK a named pipe could be opened here and keep us waiting below */
	_cleanup_close_ int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct tape_header old;
	struct stat st;
	ssize_t n;

	memset(tape, 0, sizeof(*tape));
	if (fd < 0)
		return errno == ELOOP || errno == EISDIR ? -EEXIST : -errno;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
		return -EEXIST;
	n = read(fd, &old, sizeof(old));
	if (n < 0)
		return -errno;
	if (n != 0 && (n != sizeof(old) || memcmp(old.magic, TAPE_MAGIC, sizeof(old.magic)) != 0))
		return -EEXIST;
	/* of an older file too: only its owner may read what is captured */
	if (fchmod(fd, 0600) || ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	tape->file = fdopen(fd, "w");
	if (!tape->file)
		return -errno;
	take_fd(&fd);
	if (fwrite(&header, sizeof(header), 1, tape->file) != 1) {
		tape_close(tape);
		return -EIO;
	}
	return 0;
}

int tape_write(struct tape *tape, bool life, const void *record, size_t size)
{
	static const char zeroes[8];
	struct tape_item item = {.size = (uint32_t)size, .ring = life};
	size_t pad = -size & 7;

	if (size > TAPE_RECORD_MAX - 8)
		return -EMSGSIZE;
	/* behind half a record nothing could be read back */
	if (ferror(tape->file))
		return -EIO;
	if (fwrite(&item, sizeof(item), 1, tape->file) != 1 ||
	    fwrite(record, 1, size, tape->file) != size ||
	    fwrite(zeroes, 1, pad, tape->file) != pad)
		return -EIO;
	tape->bytes += sizeof(item) + size + pad;
	return 0;
}

int tape_open(struct tape *tape, const char *path)
{
	struct tape_header h;

	memset(tape, 0, sizeof(*tape));
	tape->file = fopen(path, "re");
	if (!tape->file)
		return -errno;
	tape->buffer = malloc(TAPE_RECORD_MAX);
	if (!tape->buffer) {
		tape_close(tape);
		return -ENOMEM;
	}
	if (fread(&h, sizeof(h), 1, tape->file) != 1 || memcmp(h.magic, header.magic, 8) != 0 ||
	    h.order != ORDER) {
		tape_close(tape);
		return -EBADMSG;
	}
	if (h.abi != KH_ABI_VERSION) {
		tape_close(tape);
		return -EPROTONOSUPPORT;
	}
	return 0;
}

int tape_read(struct tape *tape, bool *life, const void **record, size_t *size)
{
	struct tape_item item;
	size_t padded, n = fread(&item, 1, sizeof(item), tape->file);

	if (n == 0 && feof(tape->file))
		return 0;
	if (n != sizeof(item))
		return -EBADMSG;
	if (item.size > TAPE_RECORD_MAX - 8 || item.ring > 1)
		return -EBADMSG;
	padded = ((size_t)item.size + 7) & ~(size_t)7;
	if (fread(tape->buffer, 1, padded, tape->file) != padded)
		return -EBADMSG;
	tape->bytes += sizeof(item) + padded;
	*life = item.ring;
	*record = tape->buffer;
	*size = item.size;
	return 1;
}

int tape_flush(struct tape *tape)
{
	return fflush(tape->file) ? -errno : 0;
}

void tape_close(struct tape *tape)
{
	if (tape->file)
		fclose(tape->file);
	free(tape->buffer);
	memset(tape, 0, sizeof(*tape));
}
