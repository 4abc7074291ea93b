// SPDX-License-Identifier: Apache-2.0
#include "http/h2_codec.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <string>

#include "http/h1_writer.h"
#include "http/h2_values.h"

namespace weir::http {

namespace {
constexpr std::size_t kLeftOutMost = 64; // gaps between the numbers of streams: those remembered
} // namespace

struct H2Codec::Callbacks {
  static H2Codec& of(void* user) { return *static_cast<H2Codec*>(user); }
  static H2Peer* peer(nghttp2_session* session, std::int32_t id) {
    return static_cast<H2Peer*>(nghttp2_session_get_stream_user_data(session, id));
  }

  /// Priorities of RFC 7540 are skipped, and told to nobody later.
  static int begin_frame(nghttp2_session* session, const nghttp2_frame_hd* frame, void* user) {
    if (frame->type == NGHTTP2_PRIORITY && frame->stream_id == 0) { // RFC 9113 §6.3
      return nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
    }
    if (frame->type == NGHTTP2_HEADERS && !of(user).note_number(frame->stream_id)) {
      return nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
    }
    bool priority = frame->type == NGHTTP2_PRIORITY || frame->type == NGHTTP2_PRIORITY_UPDATE;
    return priority ? of(user).tolerate(H2Flood::priority) : 0;
  }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2Codec& self = of(user);
    if (frame->hd.type != NGHTTP2_HEADERS) {
      return 0;
    }
    std::int32_t id = frame->hd.stream_id;
    self.trailers_ = frame->headers.cat != NGHTTP2_HCAT_REQUEST;
    self.incoming_ = self.trailers_ ? peer(session, id) : self.guard_.begin_stream(id);
    self.problem_ = {};
    self.unpacked_ = 0;
    self.method_ = self.scheme_ = self.authority_ = self.path_ = self.protocol_ = {};
    self.cookies_.clear();
    if (self.incoming_ == nullptr) {
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    nghttp2_session_set_stream_user_data(session, id, self.incoming_);
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    H2Codec& self = of(user);
    if (self.incoming_ == nullptr) {
      return 0;
    }
    self.unpacked_ += name_size + value_size + 4;
    const HeadLimits& limits = self.incoming_->limits();
    if (self.unpacked_ > kUnpackedMost * limits.head) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    self.take_field(text_of(name, name_size), text_of(value, value_size));
    return 0;
  }

  static int frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2Codec& self = of(user);
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      self.head_done(peer(session, frame->hd.stream_id), frame->hd.stream_id, ends_stream(frame));
      return 0;
    case NGHTTP2_DATA:
      if (frame->hd.length == 0 && !ends_stream(frame)) {
        return self.tolerate(H2Flood::empty_data);
      }
      if (H2Peer* stream = peer(session, frame->hd.stream_id); stream && ends_stream(frame)) {
        stream->on_end();
      }
      return 0;
    case NGHTTP2_RST_STREAM:
      return self.tolerate(H2Flood::reset);
    case NGHTTP2_PING:
      return self.tolerate(H2Flood::ping);
    case NGHTTP2_SETTINGS:
      return self.tolerate(H2Flood::settings);
    case NGHTTP2_WINDOW_UPDATE:
      return self.tolerate(H2Flood::window_update);
    default:
      return 0;
    }
  }

  /// Streams that we reset because of what the client did count like those it resets.
  static int frame_send(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
      of(user).guard_.on_go_away(frame->goaway.error_code);
    }
    if (frame->hd.type == NGHTTP2_RST_STREAM &&
        frame->rst_stream.error_code == NGHTTP2_FLOW_CONTROL_ERROR &&
        frame->hd.stream_id != of(user).overflown_) {
      // By SETTINGS it is one of the connection (RFC 9113 §6.9.2); by DATA it may be.
      return nghttp2_session_terminate_session(session, NGHTTP2_FLOW_CONTROL_ERROR);
    }
    bool fault = frame->hd.type == NGHTTP2_RST_STREAM &&
                 frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
                 frame->rst_stream.error_code != NGHTTP2_INTERNAL_ERROR;
    return fault ? of(user).tolerate(H2Flood::reset) : 0;
  }

  static int invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    bool update = frame->hd.type == NGHTTP2_WINDOW_UPDATE;
    of(user).overflown_ = update ? frame->hd.stream_id : of(user).overflown_;
    return 0;
  }

  static int data_chunk(nghttp2_session* session, std::uint8_t, std::int32_t id,
                        const std::uint8_t* data, std::size_t size, void*) {
    if (H2Peer* stream = peer(session, id)) {
      stream->on_data(text_of(data, size));
    } else {
      nghttp2_session_consume(session, id, size);
    }
    return 0;
  }

  static int stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t error,
                          void* user) {
    H2Codec& self = of(user);
    if (H2Peer* stream = peer(session, id)) {
      self.incoming_ = self.incoming_ == stream ? nullptr : self.incoming_;
      nghttp2_session_set_stream_user_data(session, id, nullptr);
      stream->on_closed(error);
    }
    return 0;
  }

  static ssize_t read_body(nghttp2_session* session, std::int32_t id, std::uint8_t*,
                           std::size_t length, std::uint32_t* flags, nghttp2_data_source*,
                           void* user) {
    H2Codec& self = of(user);
    H2Peer* stream = peer(session, id);
    if (stream == nullptr) {
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    Pull got = stream->pull_body(self.piece_, length);
    if (got == Pull::failed) {
      self.piece_.clear();
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // RST_STREAM: what came is not all (W6.4)
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (got == Pull::end) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      self.submit_trailers(id, stream->own_trailers(), *flags);
    } else if (self.piece_.empty()) {
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(self.piece_.bytes());
  }

  static int send_data(nghttp2_session* session, nghttp2_frame* frame, const std::uint8_t* header,
                       std::size_t, nghttp2_data_source*, void* user) {
    H2Codec& self = of(user);
    if (self.out_ == nullptr || self.out_->slots_free() < H2Frames::kSlotsForData) {
      return NGHTTP2_ERR_WOULDBLOCK;
    }
    if (H2Peer* stream = peer(session, frame->hd.stream_id)) {
      stream->on_sent(9 + self.piece_.bytes());
    }
    self.frames_.add_data(*self.out_, text_of(header, 9), self.piece_);
    return 0;
  }
};

H2Codec::H2Codec(H2Guard& guard, const H2Settings& settings) : guard_(guard) {
  nghttp2_session_callbacks* calls = nullptr;
  nghttp2_option* option = nullptr;
  if (nghttp2_session_callbacks_new(&calls) != 0 || nghttp2_option_new(&option) != 0) {
    panic("out of memory");
  }
  nghttp2_session_callbacks_set_on_begin_frame_callback(calls, Callbacks::begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(calls, Callbacks::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(calls, Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(calls, Callbacks::frame_recv);
  nghttp2_session_callbacks_set_on_frame_send_callback(calls, Callbacks::frame_send);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(calls, Callbacks::invalid_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, Callbacks::data_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(calls, Callbacks::stream_close);
  nghttp2_session_callbacks_set_send_data_callback(calls, Callbacks::send_data);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_send_header_block_length(option, 256 * 1024);
  nghttp2_option_set_builtin_recv_extension_type(option, NGHTTP2_PRIORITY_UPDATE);
  nghttp2_option_set_peer_max_concurrent_streams(option, 0); // nothing is pushed
  int made = nghttp2_session_server_new3(&session_, calls, this, option, h2_memory());
  nghttp2_session_callbacks_del(calls);
  nghttp2_option_del(option);
  if (made != 0) {
    panic("out of memory");
  }
  const std::array<nghttp2_settings_entry, 6> entries = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.head},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}, // RFC 8441
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), 5);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(settings.connection_window));
}

H2Codec::~H2Codec() { nghttp2_session_del(session_); }

Result<void> H2Codec::feed(std::string_view bytes) {
  ssize_t n = nghttp2_session_mem_recv(session_, bytes_of(bytes), bytes.size());
  if (n < 0) {
    bool flood = n == NGHTTP2_ERR_FLOODED || n == NGHTTP2_ERR_CALLBACK_FAILURE ||
                 n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS || n == NGHTTP2_ERR_TOO_MANY_SETTINGS;
    go_away(flood ? H2Error::calm : H2Error::protocol);
    return fail(flood ? Code::overloaded : Code::malformed, Side::client);
  }
  return {};
}

bool H2Codec::pull(OutQueue& out) {
  out_ = &out;
  bool good = true;
  while (out.slots_free() >= H2Frames::kSlotsForData) {
    const std::uint8_t* data = nullptr;
    ssize_t n = nghttp2_session_mem_send(session_, &data);
    if (n <= 0) {
      good = n == 0;
      break;
    }
    frames_.add(out, text_of(data, static_cast<std::size_t>(n)));
  }
  frames_.flush(out);
  out_ = nullptr;
  return good;
}

bool H2Codec::is_over() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

// What comes

int H2Codec::tolerate(H2Flood kind) {
  return guard_.tolerates(kind) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

void H2Codec::take_field(std::string_view name, std::string_view value) {
  const HeadLimits& limits = incoming_->limits();
  RequestHead& head = incoming_->head();
  Fields& fields = trailers_ ? incoming_->trailer_fields() : head.fields;
  if (unpacked_ > limits.head || name.size() + value.size() > limits.field ||
      fields.size() >= limits.fields) {
    problem_ = {Code::head_too_large, Side::client};
  }
  if (problem_.code != Code::none) {
    return;
  }
  Arena& arena = incoming_->arena();
  if (name[0] == ':') { // nghttp2 has seen to their order and number
    std::string_view& to = name == ":method"      ? method_
                           : name == ":scheme"    ? scheme_
                           : name == ":authority" ? authority_
                           : name == ":path"      ? path_
                                                  : protocol_;
    to = arena.copy(value);
    return;
  }
  if (!is_field_value(value)) {
    problem_ = {Code::malformed, Side::client};
    return;
  }
  Field field{{}, {}, field_id(name)};
  if (field.id == FieldId::cookie && !trailers_) {             // many small ones: RFC 9113 §8.2.3
    cookies_ += cookies_.empty() || value.empty() ? "" : "; "; // which may not end the value
    cookies_ += value;
    return;
  }
  field.name = field.id == FieldId::other ? arena.copy(name) : http::name(field.id);
  field.value = arena.copy(value);
  fields.add(field, arena);
}

/// False: of a stream that was left out when a higher number came, and so was closed (RFC 9113
/// §5.1.1).
bool H2Codec::note_number(std::int32_t id) {
  if (id > last_number_) {
    if (id > last_number_ + 2 && left_out_.size() < kLeftOutMost) {
      left_out_.emplace_back(last_number_, id);
    }
    last_number_ = id;
    return true;
  }
  return std::none_of(left_out_.begin(), left_out_.end(),
                      [id](const auto& gap) { return gap.first < id && id < gap.second; });
}

void H2Codec::head_done(H2Peer* stream, std::int32_t id, bool end) {
  if (stream == nullptr || incoming_ == nullptr) {
    incoming_ = nullptr;
    return;
  }
  if (trailers_) {
    incoming_ = nullptr;
    if (stream->head().method == Method::connect || stream->head().upgrade) {
      // A tunnel has bytes only: RFC 9113 §8.5.
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR);
      return;
    }
    remove_forbidden_trailers(stream->trailer_fields());
    stream->on_end();
    return;
  }
  Result<void> good =
      problem_.code != Code::none ? Result<void>(weir::fail(problem_)) : finish_head();
  RequestHead& head = stream->head();
  if (good) {
    auto length = parse_decimal(head.fields.value(FieldId::content_length));
    if (end || head.upgrade) { // what follows that is a tunnel's
      head.framing = {};
    } else if (length && head.method != Method::connect) {
      head.framing = {Framing::Kind::length, *length};
    } else {
      head.framing = {Framing::Kind::chunked, 0};
    }
  }
  incoming_ = nullptr;
  stream->on_head(good, end);
}

/// The same form as an HTTP/1 head has: an absolute target, Host as its authority says (W10.2).
Result<void> H2Codec::finish_head() {
  RequestHead& head = incoming_->head();
  Arena& arena = incoming_->arena();
  const HeadLimits& limits = incoming_->limits();
  head.http2 = true;
  head.minor_version = 1;
  if (method_.size() > 64 || !is_token(method_)) {
    return weir::fail(Code::malformed, Side::client);
  }
  head.method_text = method_;
  head.method = parse_method(method_);
  bool extended = !protocol_.empty(); // RFC 8441 §4; nghttp2 has seen that it is a CONNECT
  if (extended && !iequals(protocol_, "websocket")) {
    return weir::fail(Code::unsupported, Side::client);
  }
  if (extended) { // what HTTP/1.1 says with Upgrade
    head.method = Method::get;
    head.method_text = name(Method::get);
  }
  std::size_t hosts = head.fields.count(FieldId::host);
  std::string_view host = head.fields.value(FieldId::host);
  authority_ = authority_.empty() ? host : authority_;
  if (hosts > 1 || (hosts == 1 && !iequals(host, authority_)) ||
      (head.method != Method::connect && !is_token(scheme_))) {
    return weir::fail(Code::malformed, Side::client);
  }
  if (!cookies_.empty()) {
    head.fields.add({http::name(FieldId::cookie), arena.copy(cookies_), FieldId::cookie}, arena);
  }
  if (path_.size() > limits.target) {
    return weir::fail(Code::target_too_long, Side::client);
  }
  if (head.method == Method::connect) {
    head.target = authority_;
  } else if (path_ == "*") {
    head.target = path_;
  } else {
    if (path_.empty() || path_[0] != '/') {
      return weir::fail(Code::malformed, Side::client);
    }
    head.target = arena.join({scheme_, "://", authority_, path_});
  }
  head.fields.set(FieldId::host, authority_, arena);
  if (auto good = resolve_target(head, arena); !good) {
    return good;
  }
  read_connection_options(head);
  head.keep_alive = true;
  head.upgrade = extended;
  return {};
}

// What goes

namespace {

std::string_view after_status_line(std::string_view head) {
  std::size_t end = head.find("\r\n");
  return end == std::string_view::npos ? std::string_view() : head.substr(end + 2);
}

} // namespace

void H2Codec::respond(std::int32_t id, int status, std::string_view head, std::string_view more,
                      const Framing& framing, bool has_body) {
  Values values;
  values.reserve(32);
  Decimal code(static_cast<std::uint64_t>(status));
  Decimal length(framing.length);
  values.push_back(pair(":status", code.view()));
  add_lines(after_status_line(head), values);
  add_lines(more, values);
  if (framing.kind == Framing::Kind::length) {
    values.push_back(pair("content-length", length.view()));
  }
  auto* stream = static_cast<H2Peer*>(nghttp2_session_get_stream_user_data(session_, id));
  if (stream != nullptr) {
    stream->on_sent(size_of(values)); // before HPACK
  }
  nghttp2_data_provider body{};
  body.read_callback = Callbacks::read_body;
  nghttp2_submit_response(session_, id, values.data(), values.size(), has_body ? &body : nullptr);
}

void H2Codec::informational(std::int32_t id, std::string_view head) {
  Values values;
  values.push_back(pair(":status", head.substr(9, 3))); // "HTTP/1.1 103 ..."
  add_lines(after_status_line(head), values);
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, id, nullptr, values.data(), values.size(),
                         nullptr);
}

void H2Codec::submit_trailers(std::int32_t id, const Fields& trailers, std::uint32_t& flags) {
  Values values;
  for (const Field& field : trailers) {
    values.push_back(pair(field.name, field.value));
  }
  if (!values.empty() && nghttp2_submit_trailer(session_, id, values.data(), values.size()) == 0) {
    flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  }
}

void H2Codec::resume(std::int32_t id) { nghttp2_session_resume_data(session_, id); }

bool H2Codec::has_room(std::int32_t id, std::size_t beside) const {
  return nghttp2_session_get_stream_remote_window_size(session_, id) >
         static_cast<std::int64_t>(beside);
}

bool H2Codec::has_room() const { return nghttp2_session_get_remote_window_size(session_) > 0; }

void H2Codec::reset(std::int32_t id, H2Error error) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(error));
}

void H2Codec::consumed(std::int32_t id, std::size_t bytes) {
  nghttp2_session_consume(session_, id, bytes);
}

void H2Codec::dropped(std::size_t bytes) { nghttp2_session_consume_connection(session_, bytes); }

void H2Codec::go_away(H2Error error) {
  if (error == H2Error::none) {
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session_), 0, nullptr, 0);
  } else {
    nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(error));
  }
}

} // namespace weir::http
