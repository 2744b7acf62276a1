/* SPDX-License-Identifier: ISC */
/*
 * charset_row.c - the charsets that are known, and what labels call them (IANA, and what programs
 * write).
 */
#include "mime/charset_row.h"

#include <string.h>

/* clang-format off */
static const struct charset_row rows[] = {
	/* iconv name       way        ascii  unit names */
	{ "UTF-8",          WAY_UTF8,  true,  1, " utf-8 utf8 unicode-1-1-utf-8 x-unicode20utf8 utf-8-strict utf8mb4 " },
	{ "US-ASCII",       WAY_ASCII, true,  1, " us-ascii ascii ansi_x3.4-1968 ansi_x3.4-1986 iso-ir-6 iso646-us us cp367 "
	                                         "ibm367 csascii unknown-8bit x-unknown unknown x-user-defined binary 8bit 7bit " },
	{ "WINDOWS-1252",   WAY_ICONV, true,  1, " windows-1252 cp1252 x-cp1252 cp-1252 ansi x-ansi iso-8859-1 iso8859-1 iso_8859-1 "
	                                         "iso88591 iso-ir-100 latin1 latin-1 l1 ibm819 cp819 csisolatin1 8859-1 iso_8859-1:1987 " },
	{ "ISO-8859-2",     WAY_ICONV, true,  1, " iso-8859-2 iso8859-2 iso_8859-2 iso88592 latin2 l2 csisolatin2 iso-ir-101 8859-2 " },
	{ "ISO-8859-3",     WAY_ICONV, true,  1, " iso-8859-3 iso8859-3 iso_8859-3 iso88593 latin3 l3 csisolatin3 iso-ir-109 " },
	{ "ISO-8859-4",     WAY_ICONV, true,  1, " iso-8859-4 iso8859-4 iso_8859-4 iso88594 latin4 l4 csisolatin4 iso-ir-110 " },
	{ "ISO-8859-5",     WAY_ICONV, true,  1, " iso-8859-5 iso8859-5 iso_8859-5 iso88595 cyrillic csisolatincyrillic iso-ir-144 " },
	{ "ISO-8859-6",     WAY_ICONV, true,  1, " iso-8859-6 iso8859-6 iso_8859-6 iso88596 arabic csisolatinarabic iso-ir-127 "
	                                         "iso-8859-6-i iso-8859-6-e asmo-708 " },
	{ "ISO-8859-7",     WAY_ICONV, true,  1, " iso-8859-7 iso8859-7 iso_8859-7 iso88597 greek greek8 csisolatingreek iso-ir-126 " },
	{ "ISO-8859-8",     WAY_ICONV, true,  1, " iso-8859-8 iso8859-8 iso_8859-8 iso88598 hebrew csisolatinhebrew iso-ir-138 "
	                                         "iso-8859-8-i iso-8859-8-e " },
	{ "ISO-8859-9",     WAY_ICONV, true,  1, " iso-8859-9 iso8859-9 iso_8859-9 iso88599 latin5 l5 csisolatin5 iso-ir-148 " },
	{ "ISO-8859-10",    WAY_ICONV, true,  1, " iso-8859-10 iso8859-10 iso_8859-10 latin6 l6 csisolatin6 iso-ir-157 " },
	{ "TIS-620",        WAY_ICONV, true,  1, " tis-620 tis620 iso-8859-11 iso8859-11 windows-874 cp874 dos-874 " },
	{ "ISO-8859-13",    WAY_ICONV, true,  1, " iso-8859-13 iso8859-13 iso_8859-13 latin7 " },
	{ "ISO-8859-14",    WAY_ICONV, true,  1, " iso-8859-14 iso8859-14 iso_8859-14 latin8 " },
	{ "ISO-8859-15",    WAY_ICONV, true,  1, " iso-8859-15 iso8859-15 iso_8859-15 iso885915 latin9 latin-9 l9 8859-15 " },
	{ "ISO-8859-16",    WAY_ICONV, true,  1, " iso-8859-16 iso8859-16 iso_8859-16 latin10 " },
	{ "WINDOWS-1250",   WAY_ICONV, true,  1, " windows-1250 cp1250 x-cp1250 cp-1250 " },
	{ "WINDOWS-1251",   WAY_ICONV, true,  1, " windows-1251 cp1251 x-cp1251 cp-1251 win-1251 win1251 " },
	{ "WINDOWS-1253",   WAY_ICONV, true,  1, " windows-1253 cp1253 x-cp1253 " },
	{ "WINDOWS-1254",   WAY_ICONV, true,  1, " windows-1254 cp1254 x-cp1254 " },
	{ "WINDOWS-1255",   WAY_ICONV, false, 1, " windows-1255 cp1255 x-cp1255 " },
	{ "WINDOWS-1256",   WAY_ICONV, true,  1, " windows-1256 cp1256 x-cp1256 " },
	{ "WINDOWS-1257",   WAY_ICONV, true,  1, " windows-1257 cp1257 x-cp1257 " },
	{ "WINDOWS-1258",   WAY_ICONV, false, 1, " windows-1258 cp1258 x-cp1258 " },
	{ "KOI8-R",         WAY_ICONV, true,  1, " koi8-r koi8 koi koi8r koi8_r cskoi8r " },
	{ "KOI8-U",         WAY_ICONV, true,  1, " koi8-u koi8u koi8-ru " },
	{ "MACINTOSH",      WAY_ICONV, true,  1, " macintosh mac macroman x-mac-roman x-macroman csmacintosh " },
	{ "MAC-CYRILLIC",   WAY_ICONV, true,  1, " x-mac-cyrillic mac-cyrillic x-mac-ukrainian " },
	{ "IBM437",         WAY_ICONV, true,  1, " ibm437 cp437 437 cspc8codepage437 " },
	{ "IBM850",         WAY_ICONV, true,  1, " ibm850 cp850 850 cspc850multilingual " },
	{ "IBM852",         WAY_ICONV, true,  1, " ibm852 cp852 852 " },
	{ "IBM866",         WAY_ICONV, true,  1, " ibm866 cp866 866 csibm866 " },
	{ "UTF-7",          WAY_UTF7,  false, 1, " utf-7 utf7 unicode-1-1-utf-7 csunicode11utf7 " },
	{ "UTF-16BE",       WAY_ICONV, false, 2, " utf-16be utf16be unicodefffe " },
	{ "UTF-16LE",       WAY_ICONV, false, 2, " utf-16le utf16le " },
	{ "UTF-16BE",       WAY_MARK,  false, 2, " utf-16 utf16 unicode iso-10646-ucs-2 csunicode ucs-2 unicodefeff " },
	{ "UTF-32BE",       WAY_MARK,  false, 4, " utf-32 utf32 iso-10646-ucs-4 ucs-4 " },
	{ "UTF-32BE",       WAY_ICONV, false, 4, " utf-32be utf32be " },
	{ "UTF-32LE",       WAY_ICONV, false, 4, " utf-32le utf32le " },
	{ "ISO-2022-JP-2",  WAY_SHIFT, false, 1, " iso-2022-jp iso-2022-jp-2 iso-2022-jp-1 csiso2022jp csiso2022jp2 jis " },
	{ "ISO-2022-JP-3",  WAY_SHIFT, false, 1, " iso-2022-jp-3 iso-2022-jp-2004 " },
	{ "CP932",          WAY_ICONV, true,  1, " shift_jis shift-jis sjis x-sjis ms_kanji csshiftjis windows-31j cp932 ms932 x-ms-cp932 "
	                                         "cswindows31j " },
	{ "EUC-JP-MS",      WAY_ICONV, true,  1, " euc-jp eucjp x-euc-jp cseucpkdfmtjapanese euc-jp-ms x-euc " },
	{ "GB18030",        WAY_ICONV, true,  1, " gb18030 gbk x-gbk gb2312 gb_2312-80 gb_2312 gb2312-80 cp936 ms936 windows-936 euc-cn "
	                                         "euccn x-euc-cn csgb2312 chinese iso-ir-58 csiso58gb231280 gb-2312 cn-gb " },
	{ "BIG5-HKSCS",     WAY_ICONV, false, 1, " big5 big-5 big5-hkscs big5hkscs csbig5 cn-big5 x-x-big5 x-big5 cp950 ms950 windows-950 " },
	{ "UHC",            WAY_UHC,   true,  1, " euc-kr euckr ks_c_5601-1987 ks_c_5601-1989 ks_c_5601 ksc_5601 ksc5601 ks-c-5601-1987 "
	                                         "korean iso-ir-149 csksc56011987 cseuckr windows-949 cp949 ms949 uhc x-windows-949 " },
	{ "ISO-2022-KR",    WAY_SHIFT, false, 1, " iso-2022-kr csiso2022kr " },
	{ "EUC-TW",         WAY_ICONV, true,  1, " euc-tw euctw x-euc-tw " },
	{ "VISCII",         WAY_ICONV, false, 1, " viscii csviscii " },
	{ "TCVN",           WAY_ICONV, false, 1, " tcvn tcvn-5712 tcvn5712-1 x-viet-tcvn5712 " },
	{ "ARMSCII-8",      WAY_ICONV, true,  1, " armscii-8 " },
	{ "GEORGIAN-PS",    WAY_ICONV, true,  1, " georgian-ps " },
	{ "PT154",          WAY_ICONV, true,  1, " pt154 ptcp154 csptcp154 cp154 cyrillic-asian " },
};
/* clang-format on */

_Static_assert(COUNT(rows) <= CHARSET_ROWS_MAX, "charset rows");

const struct charset_row *
charset_row_at(size_t i)
{
	return i < COUNT(rows) ? &rows[i] : NULL;
}

size_t
charset_row_index(const struct charset_row *row)
{
	return (size_t)(row - rows);
}

/* What stands around a label in broken mail. */
static struct span
label_trim(struct span name)
{
	while (name.n && (span_find(SPAN(" \t\r\n\"'"), name.p[0]) < 6))
		name = span_from(name, 1);
	while (name.n && (span_find(SPAN(" \t\r\n\"';"), name.p[name.n - 1]) < 7))
		name.n--;
	return name;
}

const struct charset_row *
charset_row_find(struct span name)
{
	char label[CHARSET_NAME_MAX + 3];
	size_t n = 0;
	name = label_trim(name);
	if (name.n == 0)
		return &rows[1];
	if (name.n > CHARSET_NAME_MAX)
		return NULL;
	label[n++] = ' ';
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ')
			return NULL;
		label[n++] = ch_lower(name.p[i]);
	}
	label[n++] = ' ';
	label[n] = '\0';
	for (size_t i = 0; i < COUNT(rows); i++)
		if (strstr(rows[i].names, label))
			return &rows[i];
	return NULL;
}
