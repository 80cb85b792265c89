/* libsodium, linked: the sources of a release, which npm's package `sodium` carries. */
#include <string.h>
#include <sodium/crypto_aead_chacha20poly1305.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_scalarmult.h>
#include <sodium/crypto_sign.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>
#include "../exits.h"
#include "../sodium.h"
#include "machine.h"

static const char* version(void)
{
	return SODIUM_RELEASE;
}

Sodium sodium = {
	.version = version,
	.sha256 = crypto_hash_sha256,
	.keyPair = crypto_sign_seed_keypair,
	.sign = crypto_sign_detached,
	.verify = crypto_sign_verify_detached,
	.multiplyBase = crypto_scalarmult_base,
	.multiply = crypto_scalarmult,
	.seal = crypto_aead_chacha20poly1305_ietf_encrypt,
	.open = crypto_aead_chacha20poly1305_ietf_decrypt
};

bool findSodium(void)
{
	return true;
}

/* Of the library's own file of these, which is made for systems that lock pages of memory. */
void sodium_memzero(void* const bytes, const size_t length)
{
	volatile unsigned char* at = bytes;
	size_t left = length;
	while (left--)
		*at++ = 0;
}

int sodium_memcmp(const void* const one, const void* const other, size_t length)
{
	const volatile unsigned char* a = one;
	const volatile unsigned char* b = other;
	unsigned char differ = 0;
	size_t i;
	for (i = 0; i < length; i++)
		differ |= a[i] ^ b[i];
	return (1 & ((differ - 1) >> 8)) - 1;
}

int sodium_is_zero(const unsigned char* bytes, const size_t length)
{
	unsigned char any = 0;
	size_t i;
	for (i = 0; i < length; i++)
		any |= bytes[i];
	return 1 & ((any - 1) >> 8);
}

void randombytes_buf(void* const bytes, const size_t size)
{
	stopWith(EXIT_ENGINE, "libsodium asked for random bytes, which only the firmware gives");
}

void sodium_misuse(void)
{
	stopWith(EXIT_ENGINE, "libsodium was called as it must not be");
}
