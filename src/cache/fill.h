// SPDX-License-Identifier: Apache-2.0
//
// Fill: a response that is arriving, append-only, read by any number of exchanges on any worker
// while it grows (DESIGN §6.3, §6.4). It owns the fetch: the client that caused it may vanish.
//
// Birth worker only: start(), run(), the Producer. Any thread: FillReader, doom(), by mutex_. The
// birth worker keeps a Ref (self_) while there is a Producer, so a socket never dies on another
// thread. How much it keeps: up to Limits::object_max everything; above it a window, and the
// slowest reader sets the pace; one of several that holds the others up for longer than
// Limits::reader_idle is cut.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/chunk.h"
#include "base/ref.h"
#include "base/trail.h"
#include "cache/entry.h"
#include "event/deadline.h"
#include "event/loop.h"
#include "http/range.h"

namespace weir::cache {

class Directory;

/// The head of a response that is not stored yet: what the producer made of it.
class FillHead final : public Shared {
public:
  Meta meta;                           // complete but for body_size
  bool storable = false;               // rfc9111::may_store
  std::string_view reason;             // static text: why not
  bool marks_key = false;              // not storable for anybody: remember the key as hit-for-miss
  std::optional<std::uint64_t> length; // of the body, where it is known
  /// A 206 that is stored: as what, and which octets.
  struct Stored {
    Meta meta; // of the whole, with its body_size
    http::ByteRange range;
  };
  std::optional<Stored> part;
  std::uint64_t size_min = 0;          // of a body that is kept
  std::uint64_t size_max = UINT64_MAX; // the same
  std::string server;                  // of a pool, that answered; for the log
  std::uint16_t received = 0;          // the status that came, where another is sent; 0: the same
  // Of an answer to HEAD: the stored GET as it renews it, or that it ends it (RFC 9111 §4.3.5).
  Ref<Entry> renewed;
  bool ends_stored = false;
  // Of an answer to an unsafe request: what else it invalidates (RFC 9111 §4.4).
  std::string location;
  std::string content_location;
};

/// Where the bytes of a Fill come from. Lives on the birth worker; wakes the Fill.
class Producer {
public:
  virtual ~Producer() = default;
  virtual void start(event::Task& consumer) = 0;
  /// Another consumer from now on; it is woken.
  virtual void hand_to(event::Task& consumer) = 0;
  /// The next interim (1xx) head to hand on, serialised; empty: none.
  virtual std::string take_interim() = 0;
  /// The final head, once it has arrived.
  virtual Ref<const FillHead> head() = 0;
  /// The entry it was started to validate, refreshed by a 304.
  virtual Ref<const Entry> revalidated() = 0;
  /// Body bytes, at most `room` of them.
  virtual Pull pull(OutQueue& out, std::size_t room) = 0;
  /// After Pull::failed, or before a head: what went wrong (code none: nothing yet).
  virtual Error error() const = 0;
};

/// Where a copy of the body goes while it arrives (the disk tier). Destroyed without commit:
/// abandoned.
class BodyStore {
public:
  virtual ~BodyStore() = default;
  /// False: the store is given up (its queue is full, the disk failed).
  virtual bool append(const Slice& slice) = 0;
  virtual void commit(const Meta& meta) = 0;
};

enum class FillState : std::uint8_t {
  looking,   // its lead asks the disk, or is about to start a producer
  fetching,  // waits for a head
  streaming, // head known, body arriving
  complete,  // the whole body is here
  entry,     // ended as an Entry: found on disk, or revalidated
  failed,    // error(); readers that have begun are cut
  ended,     // the lead left before there was anything: ask the Directory again
};

struct BornTag {}; // in the list of the worker where it was started

class Fill final : public Shared, public event::Task, public ListNode<BornTag> {
public:
  struct Limits {
    std::uint64_t object_max = 1 << 20;
    std::uint64_t window = 2 << 20;
    Duration reader_idle = std::chrono::seconds(30);
  };

  Fill(Directory& directory, event::Loop& loop, std::string key, const Hash128& hash,
       std::string selecting, bool names_known, std::uint64_t purge_number);
  ~Fill() override;

  // Birth worker.
  void start(std::unique_ptr<Producer> producer, const Limits& limits);
  /// The same with a producer that has its head already.
  void take_over(std::unique_ptr<Producer> producer, const Limits& limits);
  void end_with(Ref<const Entry> entry);
  /// The lead gives up before start().
  void end();
  void fail(Error error);
  void run() override;
  /// There is a producer: it is neither to begin nor over.
  bool active() const noexcept { return static_cast<bool>(self_); }

  // Any thread.
  const std::string& key() const noexcept { return key_; }
  const Hash128& hash() const noexcept { return hash_; }
  std::uint64_t purge_number() const noexcept { return purge_number_; }
  /// Purged or invalidated: readers go on, nothing is stored or joined.
  void doom() noexcept { doomed_.store(true, std::memory_order_relaxed); }
  bool doomed() const noexcept { return doomed_.load(std::memory_order_relaxed); }
  event::Loop& birth_loop() noexcept { return loop_; }

private:
  friend class FillReader;
  friend class Directory;

  struct Reader {
    std::uint64_t offset = 0;
    bool cut = false;
    event::Ticket waiting;
  };

  void own(std::unique_ptr<Producer> producer, const Limits& limits);
  void take_head(Ref<const FillHead> head);
  void take_interims();
  void pump();
  void append(Slice slice);
  void keep(Slice slice);
  void complete();
  void store_whole();
  void store_part();
  void finish(FillState state);
  bool worth_finishing() const;
  std::size_t room();
  void trim();
  void cut_slowest();
  void wake_readers();
  bool has_readers();

  Directory& directory_;
  event::Loop& loop_;
  const std::string key_;
  const Hash128 hash_;
  const std::uint64_t purge_number_;
  const std::uint64_t era_;
  event::Ticket ticket_; // names this task; constant once made
  std::atomic<bool> doomed_{false};

  // Birth worker only.
  Limits limits_;
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<BodyStore> store_;
  Ref<Fill> self_;
  event::Deadline slow_;
  bool closed_ = false; // nobody may join any more: the start of the body is gone
  Trail<16> trail_;

  // Under the lock of the Directory's shard.
  std::string selecting_;
  bool names_known_;
  bool listed_ = false;
  bool closed_to_joiners_ = false;
  bool partial_ = false;    // of a part: others do not wait for it
  Ref<const Entry> renews_; // what matches and is stored; constant once claimed

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  FillState state_ = FillState::looking;
  Error error_;
  Ref<const FillHead> head_;
  Ref<const Entry> entry_;
  std::vector<std::string> interims_;
  std::deque<Slice> slices_;
  Ref<Chunk> tail_; // small pieces are gathered here
  std::size_t tail_used_ = 0;
  std::uint64_t first_number_ = 0; // number of slices_.front()
  std::uint64_t kept_from_ = 0;    // offset of slices_.front()
  std::uint64_t size_ = 0;         // bytes so far
  std::uint64_t held_ = 0;         // bytes of memory that slices_ keep
  bool windowed_ = false;
  std::vector<std::unique_ptr<Reader>> readers_;
};

/// One exchange's place in a Fill. Owner: the exchange. Its worker's thread only.
class FillReader {
public:
  FillReader() = default;
  /// Attaches; done under the Directory's shard lock when joining.
  explicit FillReader(Ref<Fill> fill);
  FillReader(FillReader&&) noexcept = default;
  FillReader& operator=(FillReader&& other) noexcept;
  ~FillReader() { leave(); }

  explicit operator bool() const noexcept { return static_cast<bool>(fill_); }
  Fill& fill() const noexcept { return *fill_; }
  void leave() noexcept;

  FillState state() const;
  Error error() const;
  /// Nobody else reads it.
  bool is_alone() const;
  Ref<const FillHead> head() const;
  Ref<const Entry> entry() const;
  /// The interim heads from number `from` on.
  std::vector<std::string> interims(std::size_t from) const;
  /// Wakes this ticket at the next change.
  void wait(const event::Ticket& ticket);
  /// Body bytes from where it stands; `blocked` has registered the ticket.
  Pull pull(OutQueue& out, std::size_t room, const event::Ticket& ticket);

private:
  Ref<Fill> fill_;
  Fill::Reader* place_ = nullptr;
  std::uint64_t number_ = 0; // slice it stands in
  std::size_t within_ = 0;   // bytes of that slice already taken
};

} // namespace weir::cache
