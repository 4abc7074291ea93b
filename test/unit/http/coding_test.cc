// SPDX-License-Identifier: Apache-2.0
#include "http/coding.h"

#include <catch2/catch.hpp>

#include <array>
#include <string>

using namespace weir;
using namespace weir::http;

namespace {

constexpr std::array kCoded{Coding::gzip, Coding::br, Coding::zstd};

struct Request {
  explicit Request(std::initializer_list<std::string_view> lines) {
    for (std::string_view line : lines) {
      fields.add(make_field(FieldId::accept_encoding, line), arena);
    }
  }
  Arena arena;
  Fields fields;
};

Coding chosen(std::initializer_list<std::string_view> lines,
              std::initializer_list<Coding> offered = {Coding::zstd, Coding::br, Coding::gzip}) {
  Request request(lines);
  return choose_coding(accepted_codings(request.fields), {offered.begin(), offered.size()});
}

/// Text that compresses, and is not the same everywhere.
std::string text_of_size(std::size_t size) {
  std::string text;
  for (unsigned i = 0; text.size() < size; ++i) {
    text += "line " + std::to_string(i * 2654435761U % 1000) + " of a page that repeats itself\n";
  }
  text.resize(size);
  return text;
}

std::string encoded(Encoder& encoder, std::string_view in, Flush flush, std::size_t room = 1000) {
  std::string all;
  std::string out(room, '\0');
  while (true) {
    CodingStep step = encoder.encode(in, out, flush);
    in.remove_prefix(step.taken);
    all.append(out, 0, step.made);
    if (step.done) {
      REQUIRE(in.empty());
      return all;
    }
  }
}
std::string encoded(Coding coding, std::string_view in, std::size_t room = 1000) {
  auto encoder = make_encoder(coding, quick_level(coding), in.size());
  return encoded(*encoder, in, Flush::finish, room);
}

struct Decoded {
  std::string bytes;
  bool whole = false;
  Code error = Code::none;
};
Decoded decoded(Decoder& decoder, std::string_view in, std::size_t room = 1000,
                std::size_t piece = SIZE_MAX) {
  Decoded all;
  std::string out(room, '\0');
  while (true) {
    std::string_view now = in.substr(0, piece);
    auto step = decoder.decode(now, out);
    if (!step) {
      all.error = step.error().code;
      return all;
    }
    all.bytes.append(out, 0, step->made);
    all.whole = step->done;
    in.remove_prefix(step->taken);
    if (in.empty() && step->made < room) {
      return all;
    }
  }
}
Decoded decoded(Coding coding, std::string_view in, const CodingLimits& limits = {}) {
  return decoded(*make_decoder(coding, limits), in);
}

} // namespace

TEST_CASE("Accept-Encoding: the greatest weight; among equals what weir likes best") {
  CHECK(chosen({"gzip"}) == Coding::gzip);
  CHECK(chosen({"gzip, deflate, br, zstd"}) == Coding::zstd);
  CHECK(chosen({"gzip, deflate, br"}) == Coding::br);
  CHECK(chosen({"gzip;q=1.0, br;q=0.5"}) == Coding::gzip);
  CHECK(chosen({"gzip;q=0.5", "br;q=0.501"}) == Coding::br);
  CHECK(chosen({"gzip, br"}, {Coding::gzip}) == Coding::gzip);
  CHECK(chosen({"GZIP;Q=0.1"}) == Coding::gzip);
  CHECK(chosen({"x-gzip"}) == Coding::gzip);
  CHECK(chosen({"br"}, {Coding::gzip}) == Coding::identity);
}

TEST_CASE("Accept-Encoding: none, empty and identity") {
  CHECK(chosen({}) == Coding::identity);
  CHECK(chosen({""}) == Coding::identity);
  CHECK(chosen({"identity"}) == Coding::identity);
  CHECK(chosen({"identity, gzip;q=0.9"}) == Coding::identity);
  CHECK(chosen({"identity;q=0.5, gzip;q=0.9"}) == Coding::gzip);
  CHECK(chosen({"gzip;q=0"}) == Coding::identity);
  CHECK(chosen({"deflate"}) == Coding::identity);
}

TEST_CASE("Accept-Encoding: the star stands for what is not named") {
  CHECK(chosen({"*"}) == Coding::zstd);
  CHECK(chosen({"zstd;q=0, *"}) == Coding::br);
  CHECK(chosen({"*;q=0"}) == Coding::identity);
  CHECK(chosen({"*;q=0, gzip"}) == Coding::gzip);
  Request request({"*;q=0"});
  CHECK(accepted_codings(request.fields).weight(Coding::identity) == 0);
}

TEST_CASE("Accept-Encoding: what does not parse is passed over") {
  CHECK(chosen({"br;q=2, gzip"}) == Coding::gzip);
  CHECK(chosen({"br;level=3, gzip;q=0.1"}) == Coding::gzip);
  CHECK(chosen({"b r, gzip;q=0.1"}) == Coding::gzip);
  CHECK(chosen({"br;q=0.1234"}) == Coding::identity);
}

TEST_CASE("Content-Encoding: one that is known, or nothing") {
  auto of = [](std::initializer_list<std::string_view> lines) {
    Arena arena;
    Fields fields;
    for (std::string_view line : lines) {
      fields.add(make_field(FieldId::content_encoding, line), arena);
    }
    return content_coding(fields);
  };
  CHECK(of({}) == Coding::identity);
  CHECK(of({"br"}) == Coding::br);
  CHECK(of({"X-GZIP"}) == Coding::gzip);
  CHECK(of({"identity"}) == Coding::identity);
  CHECK_FALSE(of({"deflate"}).has_value());
  CHECK_FALSE(of({"gzip, br"}).has_value());
  CHECK_FALSE(of({"gzip", "gzip"}).has_value());
}

TEST_CASE("what is encoded is decoded to the same, whatever the buffers") {
  for (Coding coding : kCoded) {
    for (std::size_t size : {0U, 1U, 100U, 100'000U, 1'000'000U}) {
      std::string text = text_of_size(size);
      for (std::size_t room : {1U, 17U, 65'536U}) {
        if (room * 10'000 < size) {
          continue;
        }
        INFO(name(coding) << " of " << size << " by " << room);
        std::string coded = encoded(coding, text, room);
        CHECK((size < 1000 || coded.size() < size / 3));
        Decoded back = decoded(*make_decoder(coding, {}), coded, room, room);
        CHECK(back.error == Code::none);
        CHECK(back.whole);
        CHECK(back.bytes == text);
      }
    }
  }
}

TEST_CASE("what a sync flush lets out can be decoded, and the body goes on") {
  for (Coding coding : kCoded) {
    INFO(name(coding));
    auto encoder = make_encoder(coding, quick_level(coding), {});
    auto decoder = make_decoder(coding, {});
    for (std::string_view part : {"first ", "second ", "third"}) {
      Decoded now = decoded(*decoder, encoded(*encoder, part, Flush::sync, 7));
      CHECK(now.bytes == part);
      CHECK_FALSE(now.whole);
    }
    CHECK(decoded(*decoder, encoded(*encoder, {}, Flush::finish)).whole);
  }
}

TEST_CASE("the level for what is stored makes less of it") {
  std::string text = text_of_size(200'000);
  for (Coding coding : kCoded) {
    INFO(name(coding));
    auto encoder = make_encoder(coding, stored_level(coding), text.size());
    std::string stored = encoded(*encoder, text, Flush::finish);
    CHECK(stored.size() < encoded(coding, text).size());
    CHECK(decoded(coding, stored).bytes == text);
  }
}

TEST_CASE("a truncated body is never taken for a whole one") {
  std::string text = text_of_size(5000);
  for (Coding coding : kCoded) {
    std::string coded = encoded(coding, text);
    for (std::size_t size = 0; size < coded.size(); ++size) {
      Decoded cut = decoded(coding, std::string_view(coded).substr(0, size));
      if (cut.whole || cut.error != Code::none) {
        FAIL(name(coding) << " cut at " << size);
      }
    }
  }
}

TEST_CASE("bytes that are no such coding, and bytes after the end, are malformed") {
  for (Coding coding : kCoded) {
    INFO(name(coding));
    CHECK(decoded(coding, "<html>this is not compressed at all</html>").error == Code::malformed);
    CHECK(decoded(coding, encoded(coding, "text") + "trailing bytes").error == Code::malformed);
  }
  std::string coded = encoded(Coding::gzip, text_of_size(5000));
  coded[coded.size() - 6] ^= 1; // its checksum
  CHECK(decoded(Coding::gzip, coded).error == Code::malformed);
}

TEST_CASE("several members of gzip, several frames of zstd are one body") {
  for (Coding coding : {Coding::gzip, Coding::zstd}) {
    INFO(name(coding));
    Decoded both = decoded(coding, encoded(coding, "one, ") + encoded(coding, "two"));
    CHECK(both.bytes == "one, two");
    CHECK(both.whole);
  }
}

TEST_CASE("a bomb is refused long before it is all made") {
  std::string zeros(64 << 20, '\0');
  for (Coding coding : kCoded) {
    INFO(name(coding));
    std::string bomb = encoded(coding, zeros, 65'536);
    Decoded refused = decoded(coding, bomb, {.free_bytes = 1 << 20, .ratio = 50});
    CHECK(refused.error == Code::too_large);
    CHECK(refused.bytes.size() < zeros.size() / 8);
    CHECK(decoded(coding, bomb, {.free_bytes = 64 << 20, .ratio = 1}).bytes.size() == zeros.size());
  }
}

TEST_CASE("a window above 8 MiB is refused") {
  // A zstd frame: magic, no flags, a window of 2^(10 + 17) bytes, then a last raw block of nothing.
  std::string frame("\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00", 9);
  CHECK(decoded(Coding::zstd, frame).error == Code::too_large);
}
