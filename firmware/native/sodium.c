/* native.sodium: the cryptography of suite 1 by libsodium. Undefined where it is missing. */
#include <string.h>
#include "host.h"
#include "sodium.h"

static void sha256(xsMachine* the)
{
	uint8_t* hash = resultBytes(the, 32);
	Bytes bytes = bytesArgument(the, 0);
	sodium.sha256(hash, bytes.data, bytes.length);
}

/* The public key's 32 bytes are the second half of the secret key's 64. */
static void secretKey(xsMachine* the)
{
	uint8_t* secret = resultBytes(the, 64);
	Bytes seed = fixedBytesArgument(the, 0, 32);
	U8 publicKey[32];
	sodium.keyPair(publicKey, secret, seed.data);
}

static void sign(xsMachine* the)
{
	uint8_t* signature = resultBytes(the, 64);
	Bytes secret = fixedBytesArgument(the, 0, 64);
	Bytes message = bytesArgument(the, 1);
	sodium.sign(signature, NULL, message.data, message.length, secret.data);
}

static void verify(xsMachine* the)
{
	Bytes publicKey = fixedBytesArgument(the, 0, 32);
	Bytes message = bytesArgument(the, 1);
	Bytes signature = fixedBytesArgument(the, 2, 64);
	xsmcSetBoolean(xsResult, sodium.verify(signature.data, message.data, message.length, publicKey.data) == 0);
}

static void x25519Public(xsMachine* the)
{
	uint8_t* point = resultBytes(the, 32);
	Bytes secret = fixedBytesArgument(the, 0, 32);
	sodium.multiplyBase(point, secret.data);
}

/* libsodium refuses bad points; the port's answer for them is all zero. */
static void x25519(xsMachine* the)
{
	uint8_t* shared = resultBytes(the, 32);
	Bytes secret = fixedBytesArgument(the, 0, 32);
	Bytes point = fixedBytesArgument(the, 1, 32);
	if (sodium.multiply(shared, secret.data, point.data))
		memset(shared, 0, 32);
}

static void seal(xsMachine* the)
{
	xsUnsignedValue length = bytesArgument(the, 3).length;
	uint8_t* sealed = resultBytes(the, length + 16);
	Bytes key = fixedBytesArgument(the, 0, 32);
	Bytes nonce = fixedBytesArgument(the, 1, 12);
	Bytes more = bytesArgument(the, 2);
	Bytes plain = bytesArgument(the, 3);
	sodium.seal(sealed, NULL, plain.data, plain.length, more.data, more.length, NULL, nonce.data, key.data);
}

static void open(xsMachine* the)
{
	xsUnsignedValue length = bytesArgument(the, 3).length;
	uint8_t* plain = length < 16 ? NULL : resultBytes(the, length - 16);
	Bytes key = fixedBytesArgument(the, 0, 32);
	Bytes nonce = fixedBytesArgument(the, 1, 12);
	Bytes more = bytesArgument(the, 2);
	Bytes sealed = bytesArgument(the, 3);
	if (!plain || sodium.open(plain, NULL, NULL, sealed.data, sealed.length, more.data, more.length, nonce.data, key.data))
		xsmcSetUndefined(xsResult);
}

void defineSodium(xsMachine* the, xsSlot* native)
{
	if (!findSodium())
		return;
	xsmcSetNewObject(xsVar(1));
	defineText(the, &xsVar(1), "version", sodium.version());
	defineFunction(the, &xsVar(1), "sha256", sha256, 1);
	defineFunction(the, &xsVar(1), "secretKey", secretKey, 1);
	defineFunction(the, &xsVar(1), "sign", sign, 2);
	defineFunction(the, &xsVar(1), "verify", verify, 3);
	defineFunction(the, &xsVar(1), "x25519Public", x25519Public, 1);
	defineFunction(the, &xsVar(1), "x25519", x25519, 2);
	defineFunction(the, &xsVar(1), "seal", seal, 4);
	defineFunction(the, &xsVar(1), "open", open, 4);
	defineFrozen(the, native, "sodium", &xsVar(1));
}
