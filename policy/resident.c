/* SPDX-License-Identifier: Apache-2.0 */
#include "resident.h"

#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Was its code itself relocated? It is not what its file is, then. */
static bool has_text_relocations(const struct dl_phdr_info *object)
{
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		const ElfW(Dyn) * d;

		if (p->p_type != PT_DYNAMIC)
			continue;
		d = (const ElfW(Dyn) *)(object->dlpi_addr + p->p_vaddr);
		for (; d->d_tag != DT_NULL; d++)
			if (d->d_tag == DT_TEXTREL ||
			    (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL)))
				return true;
	}
	return false;
}

/* Segments that are writable are left alone with all they hold, RELRO included. */
static int give_back_object(struct dl_phdr_info *object, size_t size, void *arg)
{
	uintptr_t page = *(const uintptr_t *)arg;

	(void)size;
	if (has_text_relocations(object))
		return 0;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + p->p_vaddr, past = from & (page - 1);

		/* to the end of a page by itself; where it fails, all stays as it is */
		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
			madvise((void *)(from - past), p->p_memsz + past, MADV_DONTNEED);
	}
	return 0;
}

void policy_give_back(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	malloc_trim(0);
	dl_iterate_phdr(give_back_object, &page);
}
