/**
 * Plays a history of writes (history.ts) from standard input into ESP-IDF's NVS on a flash in RAM, a record a blob: `nvs SECTORS FROM`.
 * Prints bytes programmed, sectors erased and final blocks from final block FROM on.
 */
#include "nvs_storage.hpp"
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr size_t sectorSize = 4096;
constexpr size_t longest = 8192;

[[noreturn]] void fail(const char *what, int code) {
	fprintf(stderr, "nvs: %s: %#x\n", what, code);
	exit(1);
}

/** NVS clears single bits of what is programmed, which NOR flash takes. */
class Flash : public nvs::Partition {
public:
	long long programmed = 0, erased = 0;

	explicit Flash(size_t sectors) : bytes(sectors * sectorSize, 0xff) {}
	const char *get_partition_name() override { return "nvs"; }
	esp_err_t read_raw(size_t from, void *to, size_t size) override { return read(from, to, size); }
	esp_err_t read(size_t from, void *to, size_t size) override {
		memcpy(to, &bytes[from], size);
		return ESP_OK;
	}
	esp_err_t write_raw(size_t to, const void *from, size_t size) override { return write(to, from, size); }
	esp_err_t write(size_t to, const void *from, size_t size) override {
		for (size_t at = 0; at < size; at++) bytes[to + at] &= static_cast<const uint8_t *>(from)[at];
		programmed += size;
		return ESP_OK;
	}
	esp_err_t erase_range(size_t from, size_t size) override {
		memset(&bytes[from], 0xff, size);
		erased += size / sectorSize;
		return ESP_OK;
	}
	uint32_t get_address() override { return 0; }
	uint32_t get_size() override { return bytes.size(); }
	bool get_readonly() override { return false; }

private:
	std::vector<uint8_t> bytes;
};

void put(nvs::Storage &storage, uint8_t space, const char *name, unsigned length) {
	static uint8_t value[longest];
	static unsigned next;
	if (length > longest) fail("a record too long", length);
	// What compares equal is not written.
	next++;
	for (unsigned at = 0; at < length; at++) value[at] = (next * 2654435761u + at * 40503u) >> 8;
	if (esp_err_t code = storage.writeItem(space, nvs::ItemType::BLOB, name, value, length, false)) fail("write", code);
}

}

extern "C" uint32_t esp_rom_crc32_le(uint32_t crc, const uint8_t *bytes, uint32_t length) {
	crc = ~crc;
	for (uint32_t at = 0; at < length; at++) {
		crc ^= bytes[at];
		for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

int main(int count, char **arguments) {
	if (count != 3) fail("wants SECTORS FROM", count);
	const size_t sectors = atoi(arguments[1]);
	const long long from = atoll(arguments[2]);
	Flash flash(sectors);
	nvs::Storage storage(&flash);
	uint8_t space;
	if (esp_err_t code = storage.init(0, sectors)) fail("init", code);
	if (esp_err_t code = storage.createOrOpenNamespace("records", true, space)) fail("namespace", code);
	char line[64], name[32];
	unsigned length;
	long long finals = 0;
	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "p %31s %u", name, &length) == 2) put(storage, space, name, length);
		else if (sscanf(line, "d %31s", name) == 1) {
			// A participant deletes also what it never wrote.
			const esp_err_t code = storage.eraseItem(space, nvs::ItemType::ANY, name, false);
			if (code != ESP_OK && code != ESP_ERR_NVS_NOT_FOUND) fail("erase", code);
		} else if (line[0] == 'f' && ++finals == from) flash.programmed = flash.erased = 0;
	}
	printf("%lld %lld %lld\n", flash.programmed, flash.erased, finals - from);
}
