/* What runs over every byte (bulk.c): natives for a manifest and for the host on Linux. */
#ifndef VERTEBRA_BULK_H
#define VERTEBRA_BULK_H

#include <stdint.h>
#include "xsmc.h"

void vertebra_equal(xsMachine* the);
void vertebra_compare(xsMachine* the);
void vertebra_isFilled(xsMachine* the);
void vertebra_joined(xsMachine* the);
void vertebra_named(xsMachine* the);
void vertebra_find(xsMachine* the);
void vertebra_endOfItem(xsMachine* the);
void vertebra_nextString(xsMachine* the);
void vertebra_numberAtEnd(xsMachine* the);
void vertebra_toHex(xsMachine* the);
void vertebra_bytesFromHex(xsMachine* the);
void vertebra_crc32c(xsMachine* the);
void vertebra_utf8FromText(xsMachine* the);
void vertebra_textFromUtf8(xsMachine* the);

/* Bytes of UTF-8 that a text of the engine becomes, put into `to` where it is not NULL; -1 for a lone surrogate. */
int32_t putUtf8(const uint8_t* from, uint8_t* to);

/* `before` is that of the bytes before these, 0 where there are none. */
uint32_t crc32cOf(const uint8_t* data, uint32_t length, uint32_t before);

/* plain.c */
void vertebra_encodePlain(xsMachine* the);

#endif
