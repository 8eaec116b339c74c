/* The prefixes that may occur in a run of the benchmark, numbered: prefix to number, by open addressing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct prefix {
    uint64_t high, low;
    uint8_t family, length;
};

static struct prefix *universe;
static uint32_t universe_size, slot_mask, *slots;

static uint32_t prefix_hash(uint64_t high, uint64_t low, unsigned length) {
    uint64_t h = (high ^ low * 0x9e3779b97f4a7c15u) + length;
    h *= 0xff51afd7ed558ccdu;
    h ^= h >> 32;
    return (uint32_t)h;
}

static int same_prefix(uint32_t index, unsigned family, uint64_t high, uint64_t low, unsigned length) {
    const struct prefix *p = &universe[index];
    return p->high == high && p->low == low && p->length == length && p->family == family;
}

static uint64_t read64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, 8);
    return __builtin_bswap64(value);
}

/* From records of 18 octets: family (4 or 6), length, address. */
static void load_universe(const uint8_t *records, size_t length) {
    universe_size = (uint32_t)(length / 18);
    universe = calloc(universe_size + 1, sizeof *universe);
    slot_mask = 1024;
    while (slot_mask < universe_size * 2) slot_mask *= 2;
    slots = malloc(slot_mask * sizeof *slots);
    memset(slots, 0xff, slot_mask-- * sizeof *slots);
    for (uint32_t i = 0; i < universe_size; i++) {
        const uint8_t *record = records + (size_t)i * 18;
        struct prefix *p = &universe[i];
        p->family = record[0];
        p->length = record[1];
        p->high = read64(record + 2);
        p->low = read64(record + 10);
        uint32_t slot = prefix_hash(p->high, p->low, p->length) & slot_mask;
        while (slots[slot] != UINT32_MAX) slot = (slot + 1) & slot_mask;
        slots[slot] = i;
    }
}
