/**
 * Plays a history of writes (history.ts) from standard input into littlefs on a flash in RAM, a record a file: `littlefs PROG_SIZE BLOCKS FROM`.
 * Prints bytes programmed, blocks erased and final blocks from final block FROM on.
 */
#include "lfs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { blockSize = 4096, cacheSize = 512, longest = 8192 };

static unsigned char *flash;
static long long programmed, erased, finals;

static void fail(const char *what, int code) {
	fprintf(stderr, "littlefs: %s: %d\n", what, code);
	exit(1);
}

static int read_(const struct lfs_config *c, lfs_block_t block, lfs_off_t off, void *to, lfs_size_t size) {
	memcpy(to, flash + block * c->block_size + off, size);
	return 0;
}

/* As NOR flash: erased bytes alone are programmed. */
static int program(const struct lfs_config *c, lfs_block_t block, lfs_off_t off, const void *from, lfs_size_t size) {
	unsigned char *to = flash + block * c->block_size + off;
	for (lfs_size_t at = 0; at < size; at++)
		if (to[at] != 0xff) fail("programmed twice", block);
	memcpy(to, from, size);
	programmed += size;
	return 0;
}

static int erase(const struct lfs_config *c, lfs_block_t block) {
	memset(flash + block * c->block_size, 0xff, c->block_size);
	erased++;
	return 0;
}

static int sync_(const struct lfs_config *c) {
	(void)c;
	return 0;
}

static void put(lfs_t *lfs, const char *name, unsigned length) {
	static unsigned char value[longest];
	static unsigned next;
	lfs_file_t file;
	if (length > longest) fail("a record too long", length);
	/* What compares equal might not be written. */
	next++;
	for (unsigned at = 0; at < length; at++) value[at] = (next * 2654435761u + at * 40503u) >> 8;
	int code = lfs_file_open(lfs, &file, name, LFS_O_WRONLY | LFS_O_CREAT | LFS_O_TRUNC);
	if (code) fail("open", code);
	if (lfs_file_write(lfs, &file, value, length) != (lfs_ssize_t)length) fail("write", length);
	if ((code = lfs_file_close(lfs, &file))) fail("close", code);
}

int main(int count, char **arguments) {
	if (count != 4) fail("wants PROG_SIZE BLOCKS FROM", count);
	lfs_size_t unit = atoi(arguments[1]), blocks = atoi(arguments[2]);
	long long from = atoll(arguments[3]);
	struct lfs_config config = {
		.read = read_, .prog = program, .erase = erase, .sync = sync_,
		.read_size = unit, .prog_size = unit, .block_size = blockSize, .block_count = blocks,
		.cache_size = cacheSize, .lookahead_size = 128, .block_cycles = 512,
	};
	flash = malloc(blocks * blockSize);
	memset(flash, 0xff, blocks * blockSize);
	lfs_t lfs;
	int code = lfs_format(&lfs, &config);
	if (code || (code = lfs_mount(&lfs, &config))) fail("mount", code);
	char line[64], name[32];
	unsigned length;
	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "p %31s %u", name, &length) == 2) put(&lfs, name, length);
		else if (sscanf(line, "d %31s", name) == 1) {
			/* A participant deletes also what it never wrote. */
			if ((code = lfs_remove(&lfs, name)) && code != LFS_ERR_NOENT) fail("remove", code);
		} else if (line[0] == 'f' && ++finals == from) programmed = erased = 0;
	}
	printf("%lld %lld %lld\n", programmed, erased, finals - from);
	return 0;
}
