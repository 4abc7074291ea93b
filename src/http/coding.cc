// SPDX-License-Identifier: Apache-2.0
#include "http/coding.h"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>

#include "http/chars.h"
#include "http/preference.h"

namespace weir::http {

namespace {

constexpr std::array<std::string_view, kCodings> kNames{"identity", "gzip", "br", "zstd"};
constexpr int kBrotliWindow = 18;                   // 256 KiB: 2 MB an encoder; 22 takes 10
constexpr int kZstdWindow = 23;                     // 8 MiB: what a decoder must take (RFC 9659)
constexpr std::size_t kStep = std::size_t{1} << 30; // of one call: zlib counts in 32 bits

unsigned char* bytes_of(std::span<char> out) {
  return reinterpret_cast<unsigned char*>(out.data());
}
const unsigned char* bytes_of(std::string_view in) {
  return reinterpret_cast<const unsigned char*>(in.data());
}

class GzipEncoder final : public Encoder {
public:
  explicit GzipEncoder(int level) {
    if (deflateInit2(&stream_, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      panic("no memory for gzip");
    }
  }
  ~GzipEncoder() override { deflateEnd(&stream_); }
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;

  CodingStep encode(std::string_view in, std::span<char> out, Flush flush) override {
    bool all = in.size() <= kStep;
    in = in.substr(0, kStep);
    out = out.first(std::min(out.size(), kStep));
    stream_.next_in = const_cast<unsigned char*>(bytes_of(in)); // zlib does not write to it
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = bytes_of(out);
    stream_.avail_out = static_cast<uInt>(out.size());
    int how = !all || flush == Flush::none ? Z_NO_FLUSH
              : flush == Flush::sync       ? Z_SYNC_FLUSH
                                           : Z_FINISH;
    int status = deflate(&stream_, how);
    CodingStep step{in.size() - stream_.avail_in, out.size() - stream_.avail_out, false};
    step.done = how == Z_FINISH ? status == Z_STREAM_END
                                : all && stream_.avail_in == 0 && stream_.avail_out > 0;
    return step;
  }

private:
  z_stream stream_{}; // zlib keeps a pointer to it
};

class BrotliEncoder final : public Encoder {
public:
  BrotliEncoder(int level, std::optional<std::uint64_t> size_hint) {
    if (!state_) {
      panic("no memory for brotli");
    }
    BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_QUALITY,
                              static_cast<std::uint32_t>(level));
    BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_LGWIN, kBrotliWindow);
    if (size_hint) {
      BrotliEncoderSetParameter(
          state_.get(), BROTLI_PARAM_SIZE_HINT,
          static_cast<std::uint32_t>(std::min<std::uint64_t>(*size_hint, kStep)));
    }
  }

  CodingStep encode(std::string_view in, std::span<char> out, Flush flush) override {
    std::size_t in_left = in.size();
    const std::uint8_t* from = bytes_of(in);
    std::size_t out_left = out.size();
    std::uint8_t* to = bytes_of(out);
    auto how = flush == Flush::none   ? BROTLI_OPERATION_PROCESS
               : flush == Flush::sync ? BROTLI_OPERATION_FLUSH
                                      : BROTLI_OPERATION_FINISH;
    if (BrotliEncoderCompressStream(state_.get(), how, &in_left, &from, &out_left, &to, nullptr) ==
        BROTLI_FALSE) {
      panic("brotli: an encoder that is used wrongly, or no memory");
    }
    bool over = flush != Flush::finish || BrotliEncoderIsFinished(state_.get()) != BROTLI_FALSE;
    return {in.size() - in_left, out.size() - out_left,
            in_left == 0 && over && BrotliEncoderHasMoreOutput(state_.get()) == BROTLI_FALSE};
  }

private:
  struct Free {
    void operator()(BrotliEncoderState* state) const { BrotliEncoderDestroyInstance(state); }
  };
  std::unique_ptr<BrotliEncoderState, Free> state_{
      BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)};
};

class ZstdEncoder final : public Encoder {
public:
  ZstdEncoder(int level, std::optional<std::uint64_t> size_hint) {
    if (!state_) {
      panic("no memory for zstd");
    }
    ZSTD_CCtx_setParameter(state_.get(), ZSTD_c_compressionLevel, level);
    if (size_hint) { // a hint only: a body that is cut must not become an error
      auto hint = static_cast<int>(std::min<std::uint64_t>(*size_hint, kStep));
      ZSTD_CCtx_setParameter(state_.get(), ZSTD_c_windowLog, window_for(hint));
    }
  }

  CodingStep encode(std::string_view in, std::span<char> out, Flush flush) override {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    auto how = flush == Flush::none   ? ZSTD_e_continue
               : flush == Flush::sync ? ZSTD_e_flush
                                      : ZSTD_e_end;
    std::size_t left = ZSTD_compressStream2(state_.get(), &to, &from, how);
    if (ZSTD_isError(left) != 0) {
      panic("zstd: an encoder that is used wrongly, or no memory");
    }
    return {from.pos, to.pos, from.pos == from.size && (flush == Flush::none || left == 0)};
  }

private:
  /// The smallest that covers the body: less memory at both ends.
  static int window_for(int size) {
    int log = 15;
    while (log < 21 && (1 << log) < size) {
      ++log;
    }
    return log;
  }
  struct Free {
    void operator()(ZSTD_CCtx* state) const { ZSTD_freeCCtx(state); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> state_{ZSTD_createCCtx()};
};

/// Counts, for the bound on expansion.
class Bounded : public Decoder {
public:
  explicit Bounded(const CodingLimits& limits) : limits_(limits) {}

  Result<CodingStep> decode(std::string_view in, std::span<char> out) final {
    auto step = some(in.substr(0, kStep), out.first(std::min(out.size(), kStep)));
    if (!step) {
      return step;
    }
    taken_ += step->taken;
    made_ += step->made;
    if (made_ > limits_.free_bytes && (made_ - limits_.free_bytes) / limits_.ratio > taken_) {
      return fail(Code::too_large);
    }
    return step;
  }

private:
  virtual Result<CodingStep> some(std::string_view in, std::span<char> out) = 0;

  const CodingLimits limits_;
  std::uint64_t taken_ = 0;
  std::uint64_t made_ = 0;
};

class GzipDecoder final : public Bounded {
public:
  explicit GzipDecoder(const CodingLimits& limits) : Bounded(limits) {
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) {
      panic("no memory for gzip");
    }
  }
  ~GzipDecoder() override { inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

private:
  Result<CodingStep> some(std::string_view in, std::span<char> out) override {
    if (ended_ && !in.empty()) { // the next member (RFC 1952 §2.2)
      inflateReset(&stream_);
      ended_ = false;
    }
    stream_.next_in = const_cast<unsigned char*>(bytes_of(in)); // zlib does not write to it
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = bytes_of(out);
    stream_.avail_out = static_cast<uInt>(out.size());
    int status = ended_ ? Z_OK : inflate(&stream_, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      return fail(Code::malformed);
    }
    ended_ = ended_ || status == Z_STREAM_END;
    return CodingStep{in.size() - stream_.avail_in, out.size() - stream_.avail_out, ended_};
  }

  z_stream stream_{}; // zlib keeps a pointer to it
  bool ended_ = false;
};

class BrotliDecoder final : public Bounded {
public:
  explicit BrotliDecoder(const CodingLimits& limits) : Bounded(limits) {
    if (!state_) {
      panic("no memory for brotli");
    }
  }

private:
  Result<CodingStep> some(std::string_view in, std::span<char> out) override {
    if (ended_) {
      return in.empty() ? Result<CodingStep>(CodingStep{0, 0, true}) : fail(Code::malformed);
    }
    std::size_t in_left = in.size();
    const std::uint8_t* from = bytes_of(in);
    std::size_t out_left = out.size();
    std::uint8_t* to = bytes_of(out);
    auto status =
        BrotliDecoderDecompressStream(state_.get(), &in_left, &from, &out_left, &to, nullptr);
    ended_ = status == BROTLI_DECODER_RESULT_SUCCESS;
    if (status == BROTLI_DECODER_RESULT_ERROR || (ended_ && in_left > 0)) {
      return fail(Code::malformed);
    }
    return CodingStep{in.size() - in_left, out.size() - out_left, ended_};
  }

  struct Free {
    void operator()(BrotliDecoderState* state) const { BrotliDecoderDestroyInstance(state); }
  };
  std::unique_ptr<BrotliDecoderState, Free> state_{
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)};
  bool ended_ = false;
};

class ZstdDecoder final : public Bounded {
public:
  explicit ZstdDecoder(const CodingLimits& limits) : Bounded(limits) {
    if (!state_) {
      panic("no memory for zstd");
    }
    ZSTD_DCtx_setParameter(state_.get(), ZSTD_d_windowLogMax, kZstdWindow);
  }

private:
  Result<CodingStep> some(std::string_view in, std::span<char> out) override {
    if (in.empty() && ended_) {
      return CodingStep{0, 0, true};
    }
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    std::size_t left = ZSTD_decompressStream(state_.get(), &to, &from);
    if (ZSTD_isError(left) != 0) {
      bool window = ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge;
      return fail(window ? Code::too_large : Code::malformed);
    }
    ended_ = left == 0; // of a frame: there may be another one
    return CodingStep{from.pos, to.pos, ended_};
  }

  struct Free {
    void operator()(ZSTD_DCtx* state) const { ZSTD_freeDCtx(state); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> state_{ZSTD_createDCtx()};
  bool ended_ = false;
};

} // namespace

std::string_view name(Coding coding) noexcept { return kNames[static_cast<std::size_t>(coding)]; }

std::optional<Coding> coding_of(std::string_view token) noexcept {
  for (std::size_t i = 0; i < kCodings; ++i) {
    if (iequals(token, kNames[i])) {
      return static_cast<Coding>(i);
    }
  }
  return iequals(token, "x-gzip") ? std::optional(Coding::gzip) : std::nullopt;
}

std::optional<Coding> content_coding(const Fields& response) noexcept {
  std::optional<Coding> only = Coding::identity;
  bool first = true;
  ListReader reader(response, FieldId::content_encoding);
  while (auto member = reader.next()) {
    only = first ? coding_of(*member) : std::nullopt;
    first = false;
  }
  return only;
}

AcceptedCodings accepted_codings(const Fields& request) noexcept {
  AcceptedCodings accepted;
  std::array<bool, kCodings> named{};
  std::optional<std::uint16_t> rest;
  ListReader reader(request, FieldId::accept_encoding);
  while (auto text = reader.next()) {
    auto member = read_preference(*text);
    if (!member) {
      continue;
    }
    if (member->what == "*") {
      rest = member->weight;
    } else if (auto coding = coding_of(member->what)) {
      std::size_t at = static_cast<std::size_t>(*coding);
      named[at] = true;
      accepted.weights[at] = std::max(accepted.weights[at], member->weight);
    }
  }
  for (std::size_t i = 0; i < kCodings; ++i) {
    if (!named[i]) { // identity is acceptable unless it is excluded
      accepted.weights[i] = rest.value_or(i == 0 ? 1 : 0);
    }
  }
  return accepted;
}

Coding choose_coding(const AcceptedCodings& accepted, std::span<const Coding> offered) noexcept {
  Coding best = Coding::identity;
  std::uint16_t weight = 0;
  for (Coding coding : offered) {
    if (accepted.weight(coding) > weight) {
      best = coding;
      weight = accepted.weight(coding);
    }
  }
  return accepted.weight(Coding::identity) > weight ? Coding::identity : best;
}

int quick_level(Coding coding) noexcept { return coding == Coding::zstd ? 3 : 4; }

int stored_level(Coding coding) noexcept {
  switch (coding) {
  case Coding::identity:
  case Coding::gzip:
    return 6;
  case Coding::br:
    return 8;
  case Coding::zstd:
    break;
  }
  return 6;
}

std::unique_ptr<Encoder> make_encoder(Coding coding, int level,
                                      std::optional<std::uint64_t> size_hint) {
  switch (coding) {
  case Coding::identity:
    break;
  case Coding::gzip:
    return std::make_unique<GzipEncoder>(level);
  case Coding::br:
    return std::make_unique<BrotliEncoder>(level, size_hint);
  case Coding::zstd:
    return std::make_unique<ZstdEncoder>(level, size_hint);
  }
  return nullptr;
}

std::unique_ptr<Decoder> make_decoder(Coding coding, const CodingLimits& limits) {
  switch (coding) {
  case Coding::identity:
    break;
  case Coding::gzip:
    return std::make_unique<GzipDecoder>(limits);
  case Coding::br:
    return std::make_unique<BrotliDecoder>(limits);
  case Coding::zstd:
    return std::make_unique<ZstdDecoder>(limits);
  }
  return nullptr;
}

} // namespace weir::http
