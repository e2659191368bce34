/* Philox 4x32-10 against the known answers that its authors publish with Random123 (kat_vectors), and the streams that
   are made of it. */
#include "base/philox.h"
#include "tests/harness.h"

typedef struct answer {
    uint32_t counter[4], key[2], expected[4];
} answer;

static const answer answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

Test(philox, known_answers)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        philox_block block = philox(answers[i].key, answers[i].counter);
        for (int k = 0; k < 4; k++)
            cr_expect_eq(block.word[k], answers[i].expected[k], "answer %zu, word %d: %08x", i, k,
                         (unsigned)block.word[k]);
    }
}

/* Seed, stream and index each take two words of key and counter: none may be cut or mixed up. */
Test(philox, streams_use_all_their_bits)
{
    philox_block block = philox_at(0x299f31d0a4093822u, 0x0370734413198a2eu, 0x85a308d3243f6a88u);
    for (int k = 0; k < 4; k++) cr_expect_eq(block.word[k], answers[2].expected[k], "word %d", k);
}
