// SPDX-License-Identifier: GPL-2.0-only
/* ELF32 (starts in protected mode) and ELF64 (starts in long mode) executables. */
#include <elf.h>
#include <string.h>

#include "load.h"

/* What matters of the file header and of a program header, of either class. */
struct elf_file {
	bool is64;
	uint16_t type;
	uint16_t machine;
	uint64_t entry;
	uint64_t phoff;
	uint16_t phentsize;
	uint16_t phnum;
};

struct elf_segment {
	uint32_t type;
	uint64_t offset;
	uint64_t vaddr;
	uint64_t paddr;
	uint64_t filesz;
	uint64_t memsz;
	uint64_t align;
};

bool probe_elf(const struct blob *image)
{
	return image->size >= SELFMAG && !memcmp(image->data, ELFMAG, SELFMAG);
}

/* Headers are copied out before they are read: the file's alignment is anybody's. */
#define READ_FILE(load, Type, f) ({					\
	Type h;								\
	memcpy(&h, (load)->image->data, sizeof(h));			\
	*(f) = (struct elf_file){ (f)->is64, h.e_type, h.e_machine, h.e_entry,	\
				  h.e_phoff, h.e_phentsize, h.e_phnum };	\
})

#define READ_SEGMENT(p, Type, s) ({					\
	Type h;								\
	memcpy(&h, p, sizeof(h));					\
	*(s) = (struct elf_segment){ h.p_type, h.p_offset, h.p_vaddr, h.p_paddr,	\
				     h.p_filesz, h.p_memsz, h.p_align };	\
})

static int read_file(struct load *load, struct elf_file *f)
{
	const uint8_t *ident = load->image->data;
	size_t header;

	if (!probe_elf(load->image))
		return load_fail(load, ST_BAD_IMAGE, "no ELF magic");
	if (load->image->size < EI_NIDENT)
		return load_fail(load, ST_BAD_IMAGE, "the ELF header is truncated");
	if (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64)
		return load_fail(load, ST_BAD_IMAGE, "ELF class %u is neither 32-bit nor 64-bit",
				 ident[EI_CLASS]);
	if (ident[EI_DATA] != ELFDATA2LSB)
		return load_fail(load, ST_BAD_IMAGE, "the ELF file is not little-endian");
	f->is64 = ident[EI_CLASS] == ELFCLASS64;
	header = f->is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	if (load->image->size < header)
		return load_fail(load, ST_BAD_IMAGE, "the ELF header is truncated");
	if (f->is64)
		READ_FILE(load, Elf64_Ehdr, f);
	else
		READ_FILE(load, Elf32_Ehdr, f);
	return 0;
}

static int check_headers(struct load *load, const struct elf_file *f)
{
	size_t phdr = f->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	uint64_t table = (uint64_t)f->phnum * phdr, size = load->image->size;

	if (!f->phnum || f->phnum == PN_XNUM)
		return load_fail(load, ST_BAD_IMAGE, "the ELF file has %s program headers",
				 f->phnum ? "too many" : "no");
	if (f->phentsize != phdr)
		return load_fail(load, ST_BAD_IMAGE, "ELF program headers of %u bytes, not %zu",
				 f->phentsize, phdr);
	if (f->phoff > size || table > size - f->phoff)
		return load_fail(load, ST_BAD_IMAGE, "the ELF program headers are outside the file");
	return 0;
}

static int check_file(struct load *load, const struct elf_file *f)
{
	if (f->machine != (f->is64 ? EM_X86_64 : EM_386))
		return load_fail(load, ST_BAD_IMAGE, "ELF machine %u is not x86 of this class",
				 f->machine);
	if (f->type == ET_DYN)
		return load_fail(load, ST_BAD_IMAGE, "the ELF file is position-independent (link it with -no-pie)");
	if (f->type != ET_EXEC)
		return load_fail(load, ST_BAD_IMAGE, "ELF type %u is not an executable", f->type);
	return check_headers(load, f);
}

static int check_segment(struct load *load, unsigned int i, const struct elf_segment *s)
{
	uint64_t size = load->image->size;

	if (s->filesz > s->memsz)
		return load_fail(load, ST_BAD_IMAGE, "ELF segment %u: larger in the file than in memory", i);
	if (s->offset > size || s->filesz > size - s->offset)
		return load_fail(load, ST_BAD_IMAGE, "ELF segment %u: its bytes are outside the file (truncated?)", i);
	if (s->align & (s->align - 1))
		return load_fail(load, ST_BAD_IMAGE, "ELF segment %u: alignment %#llx is not a power of two",
				 i, (unsigned long long)s->align);
	if (s->align > 1 && (s->vaddr - s->offset) % s->align)
		return load_fail(load, ST_BAD_IMAGE, "ELF segment %u: misaligned: address %#llx and file offset %#llx differ below %#llx",
				 i, (unsigned long long)s->vaddr, (unsigned long long)s->offset,
				 (unsigned long long)s->align);
	return 0;
}

/* The physical address of the entry point, if @s holds it. */
static bool find_entry(const struct elf_segment *s, uint64_t entry, uint64_t *phys)
{
	if (entry >= s->vaddr && entry - s->vaddr < s->memsz)
		*phys = entry - s->vaddr + s->paddr;
	else if (entry >= s->paddr && entry - s->paddr < s->memsz)
		*phys = entry;
	else
		return false;
	return true;
}

static void read_segment(const struct load *load, const struct elf_file *f, unsigned int i,
			 struct elf_segment *s)
{
	const uint8_t *p = load->image->data + f->phoff + (size_t)i * f->phentsize;

	if (f->is64)
		READ_SEGMENT(p, Elf64_Phdr, s);
	else
		READ_SEGMENT(p, Elf32_Phdr, s);
}

int load_elf_segments(struct load *load, uint64_t *entry, bool *is64)
{
	struct elf_file f = { 0 };
	struct elf_segment s;
	bool entered = load->opt->has_entry;
	unsigned int i;
	int err = read_file(load, &f);

	if (!err)
		err = check_file(load, &f);
	for (i = 0; i < f.phnum && !err; i++) {
		read_segment(load, &f, i, &s);
		if (s.type != PT_LOAD || !s.memsz)
			continue;
		err = check_segment(load, i, &s);
		if (!err)
			err = load_place(load, s.paddr, load->image->data + s.offset, s.filesz,
					 s.memsz, "an ELF segment");
		entered = find_entry(&s, f.entry, entry) || entered;
	}
	if (!err && !entered)
		return load_fail(load, ST_BAD_IMAGE, "the ELF entry point %#llx is in no segment",
				 (unsigned long long)f.entry);
	*is64 = f.is64;
	return err;
}

/* The headers of notes are the same in both classes. */
static bool find_note(const uint8_t *p, uint64_t size, uint64_t align, const char *owner,
		      uint32_t type, uint64_t *value)
{
	size_t len = strlen(owner) + 1;
	uint64_t desc, next;
	Elf64_Nhdr n;

	for (; size > sizeof(n); p += next, size -= next) {
		memcpy(&n, p, sizeof(n));
		desc = (sizeof(n) + n.n_namesz + align - 1) & ~(align - 1);
		if (desc > size || n.n_descsz > size - desc)
			return false;
		if (n.n_type == type && n.n_namesz == len && !memcmp(p + sizeof(n), owner, len) &&
		    n.n_descsz >= 4) {
			*value = 0;
			memcpy(value, p + desc, n.n_descsz < 8 ? 4 : 8);
			return true;
		}
		next = (desc + n.n_descsz + align - 1) & ~(align - 1);
		if (next > size)
			return false;
	}
	return false;
}

/* In a file whose headers have been checked. */
static bool find_file_note(struct load *load, const struct elf_file *f, const char *owner,
			   uint32_t type, uint64_t *value)
{
	const struct blob *image = load->image;
	struct elf_segment s;
	unsigned int i;

	for (i = 0; i < f->phnum; i++) {
		read_segment(load, f, i, &s);
		if (s.type == PT_NOTE && s.offset <= image->size &&
		    s.filesz <= image->size - s.offset &&
		    find_note(image->data + s.offset, s.filesz, s.align == 8 ? 8 : 4, owner, type,
			      value))
			return true;
	}
	return false;
}

bool load_elf_note(const struct blob *image, const char *owner, uint32_t type, uint64_t *value)
{
	struct load quiet = { .image = image };
	struct elf_file f = { 0 };

	if (read_file(&quiet, &f) || check_file(&quiet, &f))
		return false;
	return find_file_note(&quiet, &f, owner, type, value);
}

/* It has an interpreter, or the C library's mark of the system that it calls. */
static bool is_program(const struct blob *image)
{
	struct load quiet = { .image = image };
	struct elf_file f = { 0 };
	struct elf_segment s;
	unsigned int i;
	uint64_t os;

	if (read_file(&quiet, &f) || check_headers(&quiet, &f))
		return false;
	for (i = 0; i < f.phnum; i++) {
		read_segment(&quiet, &f, i, &s);
		if (s.type == PT_INTERP)
			return true;
	}
	return find_file_note(&quiet, &f, ELF_NOTE_GNU, NT_GNU_ABI_TAG, &os);
}

int load_elf(struct load *load)
{
	uint64_t entry = 0;
	bool is64 = false;
	int err;

	if (!load->opt->type && is_program(load->image))
		return load_fail(load, ST_UNSUPPORTED, "this is a program for Linux or the like, and a guest is without a system to call: vmctl runs kernels and bare code (--type elf starts it all the same)");
	err = load_elf_segments(load, &entry, &is64);
	load->boot.mode = is64 ? BOOT_LONG : BOOT_PROTECTED;
	load->boot.entry = entry;
	return err;
}
