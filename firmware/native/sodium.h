/* What native.sodium takes of libsodium. */
#ifndef VERTEBRA_SODIUM_H
#define VERTEBRA_SODIUM_H

#include <stdbool.h>

typedef unsigned char U8;
typedef unsigned long long U64;

typedef struct {
	int (*init)(void);
	const char* (*version)(void);
	int (*sha256)(U8* hash, const U8* bytes, U64 length);
	int (*keyPair)(U8* publicKey, U8* secretKey, const U8* seed);
	int (*sign)(U8* signature, U64* signatureLength, const U8* message, U64 length, const U8* secretKey);
	int (*verify)(const U8* signature, const U8* message, U64 length, const U8* publicKey);
	int (*multiplyBase)(U8* point, const U8* secret);
	int (*multiply)(U8* shared, const U8* secret, const U8* point);
	int (*seal)(U8* sealed, U64* sealedLength, const U8* plain, U64 length, const U8* more, U64 moreLength, const U8* unused, const U8* nonce, const U8* key);
	int (*open)(U8* plain, U64* plainLength, U8* unused, const U8* sealed, U64 length, const U8* more, U64 moreLength, const U8* nonce, const U8* key);
} Sodium;

extern Sodium sodium;
/* Fills it in; false where there is no such library. */
bool findSodium(void);

#endif
