// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/chunk.h"
#include "base/pipe.h"

using namespace weir;

namespace {

/// What stands in the queue: "abc", or "|3" for bytes in a pipe.
std::string shown(OutQueue& queue) {
  std::string all;
  while (!queue.empty()) {
    if (queue.first_pipe() != nullptr) {
      all += "|" + std::to_string(queue.first_size());
      queue.consume(queue.first_size());
    } else {
      for (std::size_t i = queue.iov_count(); i > 0; --i) {
        all += std::string(static_cast<const char*>(queue.iov()->iov_base), queue.iov()->iov_len);
        queue.consume(queue.iov()->iov_len);
      }
    }
    all += " ";
  }
  return all;
}

} // namespace

TEST_CASE("OutQueue: slices and bytes in a pipe keep their order") {
  OutQueue queue;
  queue.take_pipes(true);
  Ref<Pipe> pipe = Pipe::make();
  REQUIRE(pipe);
  queue.push(Slice("head"));
  queue.push(Slice("er"));
  queue.push_piped(pipe, 5);
  queue.push(Slice("tail"));
  CHECK(queue.bytes() == 15);
  CHECK(queue.iov_count() == 2);
  CHECK(queue.first_pipe() == nullptr);
  queue.consume(7); // into the pipe's
  CHECK(queue.first_pipe() == pipe.get());
  CHECK(queue.first_size() == 4);
  CHECK(queue.iov_count() == 0);
  CHECK(pipe->use_count() == 2);
  queue.consume(1);
  CHECK(queue.bytes() == 7);
  CHECK(shown(queue) == "|3 tail ");
  CHECK(pipe->use_count() == 1);
  CHECK(queue.bytes() == 0);
}

TEST_CASE("OutQueue: clear lets the pipe go") {
  OutQueue queue;
  queue.take_pipes(true);
  Ref<Pipe> pipe = Pipe::make();
  queue.push_piped(pipe, 100);
  queue.clear();
  CHECK(queue.empty());
  CHECK(pipe->use_count() == 1);
}

TEST_CASE("Pipe: as many as are allowed, and again when one has gone") {
  std::vector<Ref<Pipe>> all;
  for (int i = 0; i < Pipe::kMost; ++i) {
    all.push_back(Pipe::make());
    REQUIRE(all.back());
  }
  CHECK_FALSE(Pipe::make());
  CHECK_FALSE(Pipe::make()); // a refusal costs no place
  all.pop_back();
  Ref<Pipe> last = Pipe::make();
  REQUIRE(last);
  REQUIRE(::write(last->to_write(), "x", 1) == 1);
  char byte = 0;
  CHECK(::read(last->to_read(), &byte, 1) == 1);
  CHECK(::read(last->to_read(), &byte, 1) == -1); // it does not block
}
