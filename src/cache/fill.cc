// SPDX-License-Identifier: Apache-2.0
#include "cache/fill.h"

#include <algorithm>
#include <cstring>

#include "cache/directory.h"
#include "cache/rfc9111.h"
#include "metrics/metrics.h"

namespace weir::cache {

namespace {
constexpr std::size_t kSmallSlice = 1024; // gathered into the tail chunk
constexpr std::size_t kMostInterims = 16;
constexpr std::uint64_t kFinishAnyway = 8 << 20; // a remainder worth fetching without a reader

/// What keeps the bytes of a slice, as far as that is known.
std::size_t kept_by(const Slice& slice) {
  return std::max(slice.size, slice.owner ? slice.owner->footprint() : 0);
}
} // namespace

Fill::Fill(Directory& directory, event::Loop& loop, std::string key, const Hash128& hash,
           std::string selecting, bool names_known, std::uint64_t purge_number)
    : directory_(directory), loop_(loop), key_(std::move(key)), hash_(hash),
      purge_number_(purge_number), era_(directory.enter_era()), selecting_(std::move(selecting)),
      names_known_(names_known) {
  ticket_ = loop_.issue(*this);
}

Fill::~Fill() {
  directory_.release_fill_bytes(held_);
  directory_.leave_era(era_);
}

void Fill::start(std::unique_ptr<Producer> producer, const Limits& limits) {
  own(std::move(producer), limits);
  producer_->start(*this);
}

void Fill::take_over(std::unique_ptr<Producer> producer, const Limits& limits) {
  own(std::move(producer), limits);
  producer_->hand_to(*this);
}

void Fill::own(std::unique_ptr<Producer> producer, const Limits& limits) {
  limits_ = limits;
  producer_ = std::move(producer);
  metrics::add(metrics::Metric::fills_active);
  self_ = Ref<Fill>(this);
  {
    std::lock_guard lock(mutex_);
    state_ = FillState::fetching;
  }
  trail_.push(static_cast<std::uint8_t>(FillState::fetching));
}

void Fill::end_with(Ref<const Entry> entry) {
  {
    std::lock_guard lock(mutex_);
    entry_ = std::move(entry);
  }
  finish(FillState::entry);
}

void Fill::end() { finish(FillState::ended); }

void Fill::fail(Error error) {
  {
    std::lock_guard lock(mutex_);
    error_ = error;
  }
  finish(FillState::failed);
}

void Fill::finish(FillState state) {
  directory_.unlist(*this);
  {
    std::lock_guard lock(mutex_);
    state_ = state;
  }
  trail_.push(static_cast<std::uint8_t>(state));
  wake_readers();
  // From here on nothing of it is left to this worker but readers' Refs, which may die anywhere.
  store_.reset();
  if (producer_) {
    metrics::sub(metrics::Metric::fills_active);
    producer_.reset();
  }
  slow_.disarm();
  loop_.revoke(ticket_);
  static_cast<ListNode<event::RunTag>&>(*this).unlink();
  static_cast<ListNode<BornTag>&>(*this).unlink();
  Ref<Fill> last = std::move(self_);
}

void Fill::run() {
  Ref<Fill> keep = self_;
  if (!producer_) {
    return;
  }
  if (!has_readers() && !worth_finishing()) {
    fail({Code::abandoned, Side::client});
    return;
  }
  if (!head_) { // written by this thread only
    take_interims();
    if (auto entry = producer_->revalidated()) {
      directory_.replace(*this, entry);
      if (!doomed()) {
        directory_.refreshed(*entry);
      }
      end_with(std::move(entry));
      return;
    }
    if (auto head = producer_->head()) {
      take_head(std::move(head));
    } else if (producer_->error().code != Code::none) {
      fail(producer_->error());
      return;
    }
  }
  if (head_) {
    pump();
  }
}

void Fill::take_interims() {
  bool any = false;
  while (true) {
    std::string interim = producer_->take_interim();
    if (interim.empty()) {
      break;
    }
    std::lock_guard lock(mutex_);
    if (interims_.size() < kMostInterims) {
      interims_.push_back(std::move(interim));
      any = true;
    }
  }
  if (any) {
    wake_readers();
  }
}

void Fill::take_head(Ref<const FillHead> head) {
  bool stored = directory_.head_arrived(*this, *head);
  if (renews_ && !doomed() && !head->storable && head->marks_key && replaces(head->meta.status)) {
    directory_.withdraw(*renews_); // nobody is to get what it was before
  }
  if (stored && !head->part) {
    store_ = directory_.begin_store(hash_, *head);
  }
  {
    std::lock_guard lock(mutex_);
    head_ = std::move(head);
    state_ = FillState::streaming;
    windowed_ = !stored || (head_->length && *head_->length > limits_.object_max);
  }
  trail_.push(static_cast<std::uint8_t>(FillState::streaming));
  wake_readers();
}

void Fill::pump() {
  OutQueue out;
  while (true) {
    std::size_t most = room();
    if (most == 0) {
      return; // a reader that moves on wakes us
    }
    Pull got = producer_->pull(out, most);
    bool any = !out.empty();
    while (!out.empty()) {
      append(out.pop());
    }
    if (any) {
      trim();
      wake_readers();
    }
    switch (got) {
    case Pull::more:
      break;
    case Pull::blocked:
      return;
    case Pull::end:
      complete();
      return;
    case Pull::failed:
      fail(producer_->error());
      return;
    }
  }
}

void Fill::append(Slice slice) {
  if (store_ && !store_->append(slice)) {
    store_.reset();
  }
  std::lock_guard lock(mutex_);
  size_ += slice.size;
  if (!slices_.empty()) {
    Slice& last = slices_.back();
    if (last.owner == slice.owner && last.data + last.size == slice.data) {
      last.size += slice.size;
      return;
    }
  }
  if (slice.size >= kSmallSlice) {
    keep(std::move(slice));
    return;
  }
  if (!tail_ || tail_->capacity() - tail_used_ < slice.size) {
    tail_ = Chunk::small();
    tail_used_ = 0;
  }
  char* to = tail_->data() + tail_used_;
  std::memcpy(to, slice.data, slice.size);
  tail_used_ += slice.size;
  if (!slices_.empty() && slices_.back().data + slices_.back().size == to &&
      slices_.back().owner.get() == tail_.get()) {
    slices_.back().size += slice.size;
  } else {
    keep(Slice(std::string_view(to, slice.size), tail_));
  }
}

/// Counts what a slice keeps, unless the one before it keeps the same. Under mutex_.
void Fill::keep(Slice slice) {
  if (slices_.empty() || slices_.back().owner != slice.owner) {
    std::size_t bytes = kept_by(slice);
    held_ += bytes;
    directory_.take_fill_bytes(bytes);
  }
  slices_.push_back(std::move(slice));
}

/// How much more may be taken from the producer now.
std::size_t Fill::room() {
  std::size_t most = 256 * 1024;
  bool alone = true;
  {
    std::lock_guard lock(mutex_);
    if (!windowed_ && size_ > limits_.object_max) {
      windowed_ = true; // of unknown length, and longer than memory takes
    }
    if (!windowed_) {
      return most;
    }
    std::uint64_t slowest = size_;
    for (const auto& reader : readers_) {
      slowest = reader->cut ? slowest : std::min(slowest, reader->offset);
    }
    std::uint64_t ahead = size_ - slowest;
    most = ahead >= limits_.window ? 0 : std::min<std::uint64_t>(most, limits_.window - ahead);
    alone = readers_.size() < 2;
  }
  if (!closed_) {
    closed_ = true;
    directory_.close_to_joiners(*this);
  }
  if (most > 0) {
    slow_.disarm();
  } else if (slow_.passed()) {
    cut_slowest();
    return room();
  } else if (!alone && !slow_.armed()) {
    slow_.arm(loop_, limits_.reader_idle, *this);
  }
  return most;
}

void Fill::cut_slowest() {
  slow_.disarm();
  std::lock_guard lock(mutex_);
  Reader* slowest = nullptr;
  for (const auto& reader : readers_) {
    if (!reader->cut && (slowest == nullptr || reader->offset < slowest->offset)) {
      slowest = reader.get();
    }
  }
  if (slowest != nullptr) {
    slowest->cut = true;
    slowest->waiting.wake();
  }
}

/// In a window: lets go of what every reader has passed.
void Fill::trim() {
  std::uint64_t freed = 0;
  {
    std::lock_guard lock(mutex_);
    if (!windowed_) {
      return;
    }
    std::uint64_t slowest = size_;
    for (const auto& reader : readers_) {
      slowest = reader->cut ? slowest : std::min(slowest, reader->offset);
    }
    while (slices_.size() > 1 && kept_from_ + slices_.front().size <= slowest) {
      kept_from_ += slices_.front().size;
      freed += slices_.front().owner != slices_[1].owner ? kept_by(slices_.front()) : 0;
      slices_.pop_front();
      ++first_number_;
    }
    held_ -= freed;
  }
  directory_.release_fill_bytes(freed);
}

void Fill::complete() {
  if (head_->storable && !doomed()) {
    if (head_->part) {
      store_part();
    } else if (size_ >= head_->size_min && size_ <= head_->size_max) {
      store_whole();
    }
  }
  finish(FillState::complete);
}

void Fill::store_whole() {
  Meta meta = head_->meta;
  meta.body_size = size_;
  meta.purge_number = purge_number_;
  if (store_) {
    store_->commit(meta);
    store_.reset();
    directory_.committed(hash_, meta); // after it: a purge that came meanwhile follows it
  }
  if (!windowed_) {
    // slices_ is written by this thread only; readers look under the lock and do not change it.
    Ref<Entry> entry =
        Entry::in_memory(meta, hash_, std::vector<Slice>(slices_.begin(), slices_.end()));
    directory_.replace(*this, std::move(entry));
  } else {
    directory_.remove_variant(hash_, meta); // it has been stored on disk, newer
  }
  metrics::count(metrics::Metric::cache_stores_memory);
}

/// RFC 9111 §3.3: in memory, and together with what is there already.
void Fill::store_part() {
  const FillHead::Stored& part = *head_->part;
  if (windowed_ || size_ != part.range.size()) {
    return;
  }
  Meta meta = part.meta;
  meta.purge_number = purge_number_;
  directory_.add_part(
      *this, meta, make_part(part.range.first, std::vector<Slice>(slices_.begin(), slices_.end())),
      limits_.object_max);
  metrics::count(metrics::Metric::cache_stores_parts);
}

/// Nobody reads any more: is it still worth having?
bool Fill::worth_finishing() const {
  if (!head_) {
    return true; // a head soon says more; background revalidation has no reader at all
  }
  if (!head_->storable || doomed()) {
    return false;
  }
  if (!head_->length) {
    return size_ <= limits_.object_max;
  }
  std::uint64_t rest = *head_->length > size_ ? *head_->length - size_ : 0;
  return rest <= kFinishAnyway || size_ >= *head_->length / 2;
}

bool Fill::has_readers() {
  std::lock_guard lock(mutex_);
  return !readers_.empty();
}

void Fill::wake_readers() {
  std::lock_guard lock(mutex_);
  for (const auto& reader : readers_) {
    std::exchange(reader->waiting, event::Ticket{}).wake();
  }
}

FillReader::FillReader(Ref<Fill> fill) : fill_(std::move(fill)) {
  auto place = std::make_unique<Fill::Reader>();
  place_ = place.get();
  std::lock_guard lock(fill_->mutex_);
  fill_->readers_.push_back(std::move(place));
}

FillReader& FillReader::operator=(FillReader&& other) noexcept {
  if (this != &other) {
    leave();
    fill_ = std::move(other.fill_);
    place_ = std::exchange(other.place_, nullptr);
    number_ = other.number_;
    within_ = other.within_;
  }
  return *this;
}

void FillReader::leave() noexcept {
  if (!fill_) {
    return;
  }
  {
    std::lock_guard lock(fill_->mutex_);
    std::erase_if(fill_->readers_, [this](const auto& r) { return r.get() == place_; });
  }
  fill_->ticket_.wake();
  fill_ = nullptr;
}

FillState FillReader::state() const {
  std::lock_guard lock(fill_->mutex_);
  return fill_->state_;
}

bool FillReader::is_alone() const {
  std::lock_guard lock(fill_->mutex_);
  return fill_->readers_.size() < 2;
}

Error FillReader::error() const {
  std::lock_guard lock(fill_->mutex_);
  return place_->cut ? Error{Code::timeout, Side::client} : fill_->error_;
}

Ref<const FillHead> FillReader::head() const {
  std::lock_guard lock(fill_->mutex_);
  return fill_->head_;
}

Ref<const Entry> FillReader::entry() const {
  std::lock_guard lock(fill_->mutex_);
  return fill_->entry_;
}

std::vector<std::string> FillReader::interims(std::size_t from) const {
  std::lock_guard lock(fill_->mutex_);
  auto first = fill_->interims_.begin() +
               static_cast<std::ptrdiff_t>(std::min(from, fill_->interims_.size()));
  return {first, fill_->interims_.end()};
}

void FillReader::wait(const event::Ticket& ticket) {
  std::lock_guard lock(fill_->mutex_);
  place_->waiting = ticket;
}

Pull FillReader::pull(OutQueue& out, std::size_t room, const event::Ticket& ticket) {
  Pull result = Pull::more;
  bool moved = false;
  bool windowed = false;
  {
    std::lock_guard lock(fill_->mutex_);
    windowed = fill_->windowed_;
    if (number_ < fill_->first_number_) { // it had taken all of a slice that is gone now
      number_ = fill_->first_number_;
      within_ = 0;
    }
    while (room > 0 && out.slots_free() > 0 && !place_->cut &&
           number_ - fill_->first_number_ < fill_->slices_.size()) {
      const Slice& slice = fill_->slices_[number_ - fill_->first_number_];
      std::size_t n = std::min(room, slice.size - within_);
      if (n > 0) {
        out.push(Slice({slice.data + within_, n}, slice.owner));
        within_ += n;
        room -= n;
        place_->offset += n;
        moved = true;
      }
      bool last = number_ - fill_->first_number_ + 1 == fill_->slices_.size();
      if (within_ == slice.size && !(last && fill_->state_ == FillState::streaming)) {
        ++number_;
        within_ = 0;
      } else if (last) {
        break; // the last slice may still be extended
      }
    }
    bool all = place_->offset == fill_->size_;
    if (place_->cut || fill_->state_ == FillState::failed) {
      result = moved ? Pull::more : Pull::failed;
    } else if (all && fill_->state_ == FillState::complete) {
      result = Pull::end;
    } else if (!moved) {
      place_->waiting = ticket;
      result = Pull::blocked;
    }
  }
  if (moved && windowed) {
    fill_->ticket_.wake();
  }
  return result;
}

} // namespace weir::cache
