/* libsodium as it is installed, found at run time, so that its headers need not be; not where it is switched off by VERTEBRA_SODIUM=off. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include "sodium.h"

Sodium sodium;

static bool find(void* library, const char* name, void* function)
{
	void* symbol = dlsym(library, name);
	memcpy(function, &symbol, sizeof symbol);
	return symbol != NULL;
}

bool findSodium(void)
{
	/* By the number of the interface, the newest first. */
	static const char* const names[] = { "libsodium.so.26", "libsodium.so.23", "libsodium.so.18", "libsodium.so" };
	const char* setting = getenv("VERTEBRA_SODIUM");
	void* library = NULL;
	size_t i;
	if (setting && !strcmp(setting, "off"))
		return false;
	for (i = 0; i < sizeof names / sizeof *names && !library; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	return library
		&& find(library, "sodium_init", &sodium.init)
		&& find(library, "sodium_version_string", &sodium.version)
		&& find(library, "crypto_hash_sha256", &sodium.sha256)
		&& find(library, "crypto_sign_seed_keypair", &sodium.keyPair)
		&& find(library, "crypto_sign_detached", &sodium.sign)
		&& find(library, "crypto_sign_verify_detached", &sodium.verify)
		&& find(library, "crypto_scalarmult_base", &sodium.multiplyBase)
		&& find(library, "crypto_scalarmult", &sodium.multiply)
		&& find(library, "crypto_aead_chacha20poly1305_ietf_encrypt", &sodium.seal)
		&& find(library, "crypto_aead_chacha20poly1305_ietf_decrypt", &sodium.open)
		&& sodium.init() >= 0;
}
