// SPDX-License-Identifier: Apache-2.0
//
// Sibling: the body of an Entry in another content coding, made of it once in the background, and
// the head it goes out with. Immutable but for the chain they stand in, which is made with them;
// shared by an Entry and what that is renewed to. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/chunk.h"
#include "http/coding.h"

namespace weir::cache {

class Sibling final : public Shared {
public:
  struct Parts {
    http::Coding coding = http::Coding::identity;
    std::string head;        // as Entry::head()
    std::string media_type;  // of that head
    std::vector<Slice> body; // empty: it gains nothing, the coding is not worth it
  };
  /// `next`: the siblings there are already, of other codings.
  Sibling(Parts parts, Ref<const Sibling> next);

  http::Coding coding() const noexcept { return parts_.coding; }
  std::string_view head() const noexcept { return parts_.head; }
  std::string_view media_type() const noexcept { return parts_.media_type; }
  const std::vector<Slice>& body() const noexcept { return parts_.body; }
  std::uint64_t body_size() const noexcept { return size_; }
  bool gains() const noexcept { return size_ > 0; }
  const Ref<const Sibling>& next() const noexcept { return next_; }
  /// Bytes of memory it takes, all told, without the next ones.
  std::size_t cost() const noexcept;

private:
  const Parts parts_;
  const Ref<const Sibling> next_;
  const std::uint64_t size_;
};

/// Of a chain; null: none has this coding.
const Sibling* find_sibling(const Sibling* chain, http::Coding coding) noexcept;

} // namespace weir::cache
