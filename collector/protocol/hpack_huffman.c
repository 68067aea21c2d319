/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Huffman code of HPACK: RFC 7541 appendix B. It is canonical: of two symbols the one with the
 * shorter code, else the smaller one, comes first, and codes count up. So their lengths, and the
 * order of symbols within a length, say everything.
 */
#include "hpack.h"

#define SHORT_BITS 8 /* codes up to this long, which are those of common texts, are in `codes` */

/* By the next 8 bits; bits 0: a longer code. */
struct code {
	unsigned char symbol, bits;
};

/* Of codes longer than that: the first and the last 32 bits that begin with one of `bits` bits. */
struct length {
	uint32_t bits, first, last;
	uint32_t at; /* in rare, of the first one's symbol */
};

static const struct code codes[256] = {
	{48, 5},  {48, 5},  {48, 5},  {48, 5},  {48, 5},  {48, 5},  {48, 5},  {48, 5},  {49, 5},
	{49, 5},  {49, 5},  {49, 5},  {49, 5},  {49, 5},  {49, 5},  {49, 5},  {50, 5},  {50, 5},
	{50, 5},  {50, 5},  {50, 5},  {50, 5},  {50, 5},  {50, 5},  {97, 5},  {97, 5},  {97, 5},
	{97, 5},  {97, 5},  {97, 5},  {97, 5},  {97, 5},  {99, 5},  {99, 5},  {99, 5},  {99, 5},
	{99, 5},  {99, 5},  {99, 5},  {99, 5},  {101, 5}, {101, 5}, {101, 5}, {101, 5}, {101, 5},
	{101, 5}, {101, 5}, {101, 5}, {105, 5}, {105, 5}, {105, 5}, {105, 5}, {105, 5}, {105, 5},
	{105, 5}, {105, 5}, {111, 5}, {111, 5}, {111, 5}, {111, 5}, {111, 5}, {111, 5}, {111, 5},
	{111, 5}, {115, 5}, {115, 5}, {115, 5}, {115, 5}, {115, 5}, {115, 5}, {115, 5}, {115, 5},
	{116, 5}, {116, 5}, {116, 5}, {116, 5}, {116, 5}, {116, 5}, {116, 5}, {116, 5}, {32, 6},
	{32, 6},  {32, 6},  {32, 6},  {37, 6},  {37, 6},  {37, 6},  {37, 6},  {45, 6},  {45, 6},
	{45, 6},  {45, 6},  {46, 6},  {46, 6},  {46, 6},  {46, 6},  {47, 6},  {47, 6},  {47, 6},
	{47, 6},  {51, 6},  {51, 6},  {51, 6},  {51, 6},  {52, 6},  {52, 6},  {52, 6},  {52, 6},
	{53, 6},  {53, 6},  {53, 6},  {53, 6},  {54, 6},  {54, 6},  {54, 6},  {54, 6},  {55, 6},
	{55, 6},  {55, 6},  {55, 6},  {56, 6},  {56, 6},  {56, 6},  {56, 6},  {57, 6},  {57, 6},
	{57, 6},  {57, 6},  {61, 6},  {61, 6},  {61, 6},  {61, 6},  {65, 6},  {65, 6},  {65, 6},
	{65, 6},  {95, 6},  {95, 6},  {95, 6},  {95, 6},  {98, 6},  {98, 6},  {98, 6},  {98, 6},
	{100, 6}, {100, 6}, {100, 6}, {100, 6}, {102, 6}, {102, 6}, {102, 6}, {102, 6}, {103, 6},
	{103, 6}, {103, 6}, {103, 6}, {104, 6}, {104, 6}, {104, 6}, {104, 6}, {108, 6}, {108, 6},
	{108, 6}, {108, 6}, {109, 6}, {109, 6}, {109, 6}, {109, 6}, {110, 6}, {110, 6}, {110, 6},
	{110, 6}, {112, 6}, {112, 6}, {112, 6}, {112, 6}, {114, 6}, {114, 6}, {114, 6}, {114, 6},
	{117, 6}, {117, 6}, {117, 6}, {117, 6}, {58, 7},  {58, 7},  {66, 7},  {66, 7},  {67, 7},
	{67, 7},  {68, 7},  {68, 7},  {69, 7},  {69, 7},  {70, 7},  {70, 7},  {71, 7},  {71, 7},
	{72, 7},  {72, 7},  {73, 7},  {73, 7},  {74, 7},  {74, 7},  {75, 7},  {75, 7},  {76, 7},
	{76, 7},  {77, 7},  {77, 7},  {78, 7},  {78, 7},  {79, 7},  {79, 7},  {80, 7},  {80, 7},
	{81, 7},  {81, 7},  {82, 7},  {82, 7},  {83, 7},  {83, 7},  {84, 7},  {84, 7},  {85, 7},
	{85, 7},  {86, 7},  {86, 7},  {87, 7},  {87, 7},  {89, 7},  {89, 7},  {106, 7}, {106, 7},
	{107, 7}, {107, 7}, {113, 7}, {113, 7}, {118, 7}, {118, 7}, {119, 7}, {119, 7}, {120, 7},
	{120, 7}, {121, 7}, {121, 7}, {122, 7}, {122, 7}, {38, 8},  {42, 8},  {44, 8},  {59, 8},
	{88, 8},  {90, 8},  {0, 0},   {0, 0},
};
static const struct length lengths[] = {
	{10, 0xfe000000, 0xff3fffff, 0},   {11, 0xff400000, 0xff9fffff, 5},
	{12, 0xffa00000, 0xffbfffff, 8},   {13, 0xffc00000, 0xffefffff, 10},
	{14, 0xfff00000, 0xfff7ffff, 16},  {15, 0xfff80000, 0xfffdffff, 18},
	{19, 0xfffe0000, 0xfffe5fff, 21},  {20, 0xfffe6000, 0xfffedfff, 24},
	{21, 0xfffee000, 0xffff47ff, 32},  {22, 0xffff4800, 0xffffafff, 45},
	{23, 0xffffb000, 0xffffe9ff, 71},  {24, 0xffffea00, 0xfffff5ff, 100},
	{25, 0xfffff600, 0xfffff7ff, 112}, {26, 0xfffff800, 0xfffffbbf, 116},
	{27, 0xfffffbc0, 0xfffffe1f, 131}, {28, 0xfffffe20, 0xffffffef, 150},
	{30, 0xfffffff0, 0xffffffff, 179},
};
static const unsigned char rare[182] = {
	33,  34,  40,  41,  63,  39,  43,  124, 35,  62,  0,   36,  64,  91,  93,  126, 94,
	125, 60,  96,  123, 92,  195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161,
	167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230, 129, 132, 133, 134, 136, 146,
	154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198,
	228, 232, 233, 1,   135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155,
	157, 158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9,   142,
	144, 145, 148, 159, 171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193, 200,
	201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255, 203, 204, 211, 212, 214,
	221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254, 2,   3,   4,
	5,   6,   7,   8,   11,  12,  14,  15,  16,  17,  18,  19,  20,  21,  23,  24,  25,
	26,  27,  28,  29,  30,  31,  127, 220, 249, 10,  13,  22,
};

/* The next 32 bits. Returns the symbol, -1 for none (EOS must not occur), and its length. */
static int rare_symbol(uint32_t next, uint32_t *bits)
{
	const struct length *l = lengths;
	uint32_t i;

	while (next > l->last)
		l++;
	i = l->at + ((next - l->first) >> (32 - l->bits));
	*bits = l->bits;
	return i < sizeof(rare) ? rare[i] : -1;
}

/* What is left must be the beginning of EOS, shorter than a byte. */
static bool is_padding(uint64_t left, uint32_t n)
{
	return n < 8 && (n == 0 || left >> (64 - n) == (1u << n) - 1);
}

long hpack_huffman(struct slice coded, char *text, size_t room)
{
	const unsigned char *p = (const unsigned char *)coded.p, *end = p + coded.n;
	uint64_t left = 0; /* bits not used, from the top */
	uint32_t n = 0;    /* how many */
	size_t length = 0;

	for (;;) {
		struct code code;
		uint32_t bits;
		int symbol;

		while (n <= 56 && p < end) {
			left |= (uint64_t)*p++ << (56 - n);
			n += 8;
		}
		code = codes[left >> (64 - SHORT_BITS)];
		symbol = code.symbol;
		bits = code.bits;
		if (p == end && is_padding(left, n))
			return (long)length;
		if (!bits)
			symbol = rare_symbol((uint32_t)(left >> 32), &bits);
		if (symbol < 0 || bits > n)
			return -1;
		if (length < room)
			text[length] = (char)symbol;
		length++;
		left <<= bits;
		n -= bits;
	}
}
