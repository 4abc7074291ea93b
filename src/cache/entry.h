// SPDX-License-Identifier: Apache-2.0
//
// Entry: a stored response, immutable, one heap block (DESIGN 8.10): fixed facts, then addresses,
// key, Vary names and values, ETag, head, and the body if it is small. What most have nothing of
// stands aside: a larger body is a list of slices; one on disk only is a DiskBody. Readers hold a
// Ref on any thread. The members of `shelf_` are the Directory's and guarded by its shard's lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/chunk.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/sized.h"
#include "cache/meta.h"
#include "cache/parts.h"
#include "cache/sibling.h"

namespace weir::cache {

struct SieveTag {};

/// Where a body lies that is on disk only; the disk tier knows more of it (disk_body.h).
class DiskBody : public Shared {};

class Entry final : public Shared, public ListNode<SieveTag> {
public:
  /// Bodies up to this size stand in the block itself.
  static constexpr std::size_t kInlineBody = 64 * 1024;

  /// The body is copied if it is small, or if what keeps its slices is much larger than it; else
  /// the slices are kept.
  static Ref<Entry> in_memory(const Meta& meta, const Hash128& hash, std::vector<Slice> body);
  static Ref<Entry> on_disk(const Meta& meta, const Hash128& hash, Ref<const DiskBody> body);
  /// The head is that of the whole: a 200 whose body_size is that of the whole.
  static Ref<Entry> partial(const Meta& meta, const Hash128& hash, Ref<const Parts> parts);
  /// The same body under a newer head (after a 304); its siblings too if the head is the same.
  static Ref<Entry> refreshed(const Entry& old, const Meta& meta);
  static Ref<Entry> refreshed(const Entry& old, const Meta& meta, Ref<const Sibling> siblings);

  const Hash128& hash() const noexcept { return hash_; }
  std::string_view key() const noexcept { return part(kKey); }
  std::string_view vary() const noexcept { return part(kVary); }
  std::string_view selecting() const noexcept { return part(kSelecting); }
  std::string_view etag() const noexcept { return part(kEtag); }
  /// Status line and fields, each with CRLF; no Content-Length, no empty line.
  std::string_view head() const noexcept { return part(kHead); }
  std::span<const Address> addresses() const noexcept {
    return {reinterpret_cast<const Address*>(trailing(this)), begin_[kKey] / sizeof(Address)};
  }
  const std::vector<std::string>& tags() const noexcept { return aside().tags; }

  std::uint16_t status() const noexcept { return status_; }
  const Freshness& freshness() const noexcept { return freshness_; }
  WallTime date() const noexcept { return date_; }
  WallTime last_modified() const noexcept { return last_modified_; }
  bool has_validator() const noexcept { return !etag().empty() || last_modified_ != WallTime{}; }
  std::uint64_t purge_number() const noexcept { return purge_number_; }
  std::uint64_t body_size() const noexcept { return body_size_; }

  /// current_age (RFC 9111 §4.2.3), never negative.
  Duration age(MonoTime now) const noexcept {
    return now > age_zero_ ? now - age_zero_ : Duration::zero();
  }

  /// The body in memory; empty for one on disk.
  std::string_view inline_body() const noexcept { return part(kBody); }
  const std::vector<Slice>& slices() const noexcept { return aside().slices; }
  const Ref<const DiskBody>& disk_body() const noexcept { return aside().disk_body; }
  /// What there is of the body; null: all of it.
  const Ref<const Parts>& parts() const noexcept { return aside().parts; }
  /// The body in other codings; null: none yet.
  const Ref<const Sibling>& siblings() const noexcept { return aside().siblings; }
  /// False: somebody makes a sibling of it already. What comes of it is another Entry.
  bool begin_sibling() const noexcept { return !shelf_.coding.exchange(true); }
  void end_sibling() const noexcept { shelf_.coding = false; }

  /// How often it was found, and what it is a renewal of, since that came into memory.
  std::uint32_t hits() const noexcept { return shelf_.hits.load(std::memory_order_relaxed); }
  /// Bytes of memory it takes, all told.
  std::size_t cost() const noexcept { return cost_; }
  /// Everything as a Meta again (for the disk, for a 304).
  Meta to_meta() const;

  Entry(const Meta& meta, const Hash128& hash, std::size_t body_inline);
  ~Entry() override = default;

private:
  friend class Directory;
  enum Part : std::uint8_t { kKey, kVary, kSelecting, kEtag, kHead, kBody, kParts };

  struct Aside {
    std::vector<std::string> tags;
    std::vector<Slice> slices;
    Ref<const DiskBody> disk_body;
    Ref<const Sibling> siblings;
    Ref<const Parts> parts;
  };
  static const Aside kNothing;

  static Ref<Entry> make(const Meta& meta, const Hash128& hash, std::size_t body_inline);
  const Aside& aside() const noexcept { return aside_ ? *aside_ : kNothing; }
  Aside& make_aside();
  std::string_view part(Part which) const noexcept {
    return {trailing(this) + begin_[which], begin_[which + 1] - begin_[which]};
  }
  char* body_at() noexcept { return trailing(this) + begin_[kBody]; }
  void dispose() const noexcept override { destroy_sized(this); }

  // Constant once made.
  Hash128 hash_;
  std::array<std::uint32_t, kParts + 1> begin_{};
  std::uint16_t status_;
  std::uint64_t body_size_;
  std::uint64_t purge_number_;
  MonoTime age_zero_;
  Freshness freshness_;
  WallTime date_;
  WallTime last_modified_;
  std::unique_ptr<Aside> aside_; // null: nothing of it
  std::size_t cost_ = 0;

  // The Directory's, under its shard's lock.
  struct Shelf {
    Ref<Entry> next;                    // the next variant of the same key
    std::atomic<std::uint32_t> hits{0}; // written under the lock, read anywhere
    std::atomic<bool> coding{false};    // nobody's: by begin_sibling() alone
    bool visited = false;
    bool listed = false;
  };
  mutable Shelf shelf_;
};

} // namespace weir::cache
