/* SPDX-License-Identifier: Apache-2.0 */
#include "route_guess.h"

#define WORD_MAX 24      /* letters; "internationalization" has 20 */
#define CONSONANTS_MAX 5 /* in a row; "lengths" and "https" have 5 */
#define VOWELLESS_MAX 5  /* letters of a word without vowel: "https", "xhtml", "mqtts" */
#define HEX_WORD_MIN 8   /* letters a to f only: "deadbeef" is no word, "facade" is */
#define CASE_WORD_MIN 8  /* letters from which changes of case are counted */

static bool is_letter(char c)
{
	c |= 0x20;
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_vowel(char c)
{
	return strchr("aeiouy", c | 0x20) != NULL;
}

static bool parts_words(char c)
{
	return c == '-' || c == '_' || c == '.' || c == ' ';
}

struct word {
	size_t vowels, hex, run, longest_run, turns; /* turns: from upper case to lower and back */
	bool lonely_q;
};

static struct word count(struct slice text)
{
	struct word w = {0};

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i] | 0x20;
		bool last = i + 1 == text.n;

		w.vowels += is_vowel(c);
		w.hex += c >= 'a' && c <= 'f';
		w.run = is_vowel(c) ? 0 : w.run + 1;
		w.longest_run = w.run > w.longest_run ? w.run : w.longest_run;
		if (!last && is_upper(text.p[i]) != is_upper(text.p[i + 1]))
			w.turns++;
		/* "sql", "mq" and "eq" are places; a q before another letter is not English. */
		if (c == 'q' && !last && (text.p[i + 1] | 0x20) != 'u')
			w.lonely_q = true;
	}
	return w;
}

static bool is_gibberish(struct slice text)
{
	struct word w = count(text);

	if (text.n > WORD_MAX || w.longest_run > CONSONANTS_MAX)
		return true;
	if (w.vowels == 0 && text.n > VOWELLESS_MAX)
		return true;
	if (w.hex == text.n && text.n >= HEX_WORD_MIN)
		return true;
	if (w.lonely_q && text.n >= CASE_WORD_MIN)
		return true;
	/* "getUserById" turns 6 times in 11 letters, "aBcDeFgH" each time. */
	return text.n >= CASE_WORD_MIN && w.turns * 3 > text.n * 2;
}

bool route_guess_is_id(struct slice segment)
{
	size_t start = 0;

	if (segment.n > ROUTE_GUESS_SEGMENT_MAX)
		return true;
	for (size_t i = 0; i < segment.n; i++) {
		char c = segment.p[i];

		if (!is_letter(c) && !parts_words(c) && !(i == 1 && is_digit(c)))
			return true;
	}
	for (size_t i = 0; i <= segment.n; i++) {
		if (i < segment.n && is_letter(segment.p[i]))
			continue;
		if (is_gibberish((struct slice){segment.p + start, i - start}))
			return true;
		start = i + 1;
	}
	return false;
}
