// SPDX-License-Identifier: Apache-2.0
#include "log/query.h"

#include <sqlite3.h>

#include <catch2/catch.hpp>

#include <fstream>

#include <fmt/format.h>

#include "log/filter.h"
#include "log/sqlite_writer.h"
#include "sample.h"
#include "scratch.h"

using namespace weir;
using namespace weir::log;
using namespace weir::log::test;

namespace {

constexpr std::int64_t kStart = 1'795'255'200'000'000; // 2026-11-21 10:00:00
constexpr std::int64_t kMinute = 60'000'000;

/// A log of several partitions, and the same rows in a plain table in memory.
class Reference {
public:
  Scratch scratch;
  std::vector<Sample> samples;

  /// One row a minute on average: `rows` / 60 partitions.
  Reference(int rows, bool running, std::size_t dictionary_cap = Partition::kDictionaryCap) {
    WriterSettings s;
    s.directory = scratch.dir();
    s.retention = {};
    s.dictionary_cap = dictionary_cap;
    writer_ = std::make_unique<SqliteWriter>(s);
    LogRing& ring = writer_->make_ring();
    sqlite3_open(":memory:", &db_);
    create();
    Samples source(4711);
    std::int64_t time = kStart;
    for (int i = 0; i < rows; ++i) {
      time += 1 + static_cast<std::int64_t>(source.below(static_cast<std::size_t>(2 * kMinute)));
      samples.push_back(source.next(time));
      REQUIRE(ring.push(samples.back().record));
      insert(samples.back().record);
    }
    writer_->settle();
    if (!running) {
      writer_.reset();
    }
  }
  ~Reference() {
    sqlite3_finalize(insert_);
    sqlite3_close(db_);
  }
  const std::string dir() const { return scratch.dir(); }

  std::vector<std::string> expected(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    int rc = sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr);
    INFO(sql << ": " << sqlite3_errmsg(db_));
    REQUIRE(rc == SQLITE_OK);
    TextSink sink;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      std::vector<SqlValue> values;
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        switch (sqlite3_column_type(statement, i)) {
        case SQLITE_INTEGER:
          values.emplace_back(std::int64_t{sqlite3_column_int64(statement, i)});
          break;
        case SQLITE_FLOAT:
          values.emplace_back(sqlite3_column_double(statement, i));
          break;
        case SQLITE_NULL:
          values.emplace_back(std::monostate{});
          break;
        default:
          values.emplace_back(
              std::string_view(reinterpret_cast<const char*>(sqlite3_column_text(statement, i))));
        }
      }
      sink.row(values);
    }
    sqlite3_finalize(statement);
    return sink.rows;
  }

private:
  void create() {
    std::string sql = "CREATE TABLE access (";
    std::string values = "INSERT INTO access (rowid, ";
    for (const ColumnInfo& c : kColumnTable) {
      sql += fmt::format("\"{}\" {}, ", c.name,
                         is_number(c.kind) && c.kind != Kind::time ? "INTEGER" : "TEXT");
      values += fmt::format("\"{}\", ", c.name);
    }
    sqlite3_exec(db_, (sql + "time_us INTEGER)").c_str(), nullptr, nullptr, nullptr);
    values += "time_us) VALUES (?";
    for (std::size_t i = 0; i <= kColumns; ++i) {
      values += ", ?";
    }
    REQUIRE(sqlite3_prepare_v2(db_, (values + ")").c_str(), -1, &insert_, nullptr) == SQLITE_OK);
  }
  void insert(const AccessRecord& r) {
    sqlite3_bind_int64(insert_, 1, r.time << 10);
    for (std::size_t i = 0; i < kColumns; ++i) {
      auto column = static_cast<Column>(i);
      int at = static_cast<int>(i) + 2;
      Kind kind = kColumnTable[i].kind;
      std::string text;
      if (kind == Kind::time) {
        append_time(r.time, ' ', text);
      } else if (is_number(kind)) {
        sqlite3_bind_int64(insert_, at, number_of(r, column));
        continue;
      } else if (kind == Kind::id) {
        text = r.id.to_string();
      } else if (is_address(kind)) {
        text = print_address(*address_of(r, column), kind);
      } else {
        text = text_of(r, column);
      }
      sqlite3_bind_text(insert_, at, text.c_str(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    }
    sqlite3_bind_int64(insert_, static_cast<int>(kColumns) + 2, r.time);
    REQUIRE(sqlite3_step(insert_) == SQLITE_DONE);
    sqlite3_reset(insert_);
  }

  std::unique_ptr<SqliteWriter> writer_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

const char* const kQueries[] = {
    "SELECT rowid, ALL_COLUMNS FROM access ORDER BY rowid",
    "SELECT count(*), sum(bytes_out), min(ttfb), max(duration), avg(status) FROM access",
    "SELECT host, status, count(*), sum(bytes_out) FROM access GROUP BY host, status ORDER BY 3 "
    "DESC, 1, 2",
    "SELECT client, count(*) AS n FROM access GROUP BY client HAVING n > 5 ORDER BY n DESC, client "
    "LIMIT 7",
    "SELECT time, id FROM access ORDER BY time DESC LIMIT 20",
    "SELECT time, id FROM access ORDER BY time LIMIT 20 OFFSET 100",
    "SELECT time_us FROM access ORDER BY time_us DESC LIMIT 3",
    "SELECT id FROM access ORDER BY rowid DESC",
    "SELECT count(*) FROM access WHERE time >= '2026-11-21 12'",
    "SELECT count(*) FROM access WHERE time < '2026-11-21 12:30'",
    "SELECT count(*) FROM access WHERE time BETWEEN '2026-11-21 11:10:05' AND '2026-11-21 "
    "13:00:00.5'",
    "SELECT count(*) FROM access WHERE time > '2026-11-21' AND time <= '2026-11-22'",
    "SELECT count(*) FROM access WHERE time > '2026' AND time < '9'",
    "SELECT count(*) FROM access WHERE time > 'nonsense' OR time < 'nonsense'",
    "SELECT count(*) FROM access WHERE time > 5",
    "SELECT count(*) FROM access WHERE time > datetime('2026-11-21 12:00:00', '-30 minutes')",
    "SELECT count(*) FROM access WHERE time_us > 1795262400000000.5 AND time_us <= "
    "'1795266000000000'",
    "SELECT count(*) FROM access WHERE time_us = (SELECT max(time_us) FROM access)",
    "SELECT count(*) FROM access WHERE time = (SELECT min(time) FROM access)",
    "SELECT count(*) FROM access WHERE rowid < 1838340000000000000 AND rowid > 12.5",
    "SELECT count(*) FROM access WHERE time_us < -9e99 OR time_us > 9e99",
    "SELECT count(*) FROM access WHERE time_us IS NULL OR time > NULL",
    "SELECT count(*) FROM access WHERE host = 'www.example.com'",
    "SELECT count(*) FROM access WHERE host = 'WWW.example.com' COLLATE NOCASE",
    "SELECT count(*) FROM access WHERE host IN ('a', 'other.test', 'none')",
    "SELECT count(*) FROM access WHERE user = '' AND host = 'a' AND time < '2026-11-21 13'",
    "SELECT host, client FROM access WHERE client = '10.0.0.3' ORDER BY time DESC",
    "SELECT count(*) FROM access WHERE host = 5 OR host = NULL OR status = '404'",
    "SELECT count(*) FROM access WHERE (host = 'a' OR time < '2026-11-21 11') AND NOT (user = "
    "'anna')",
    "SELECT a.id, b.id FROM access a JOIN access b ON a.time_us < b.time_us AND a.client = "
    "b.client AND "
    "a.path = b.path WHERE a.status = 404 AND a.host = 'a' ORDER BY a.rowid, b.rowid LIMIT 50",
    "SELECT count(*) FROM access a LEFT JOIN access b ON b.time_us = a.time_us + 1 "
    "WHERE a.status = 404 AND b.id IS NULL",
    "SELECT count(*) FROM access a, access b WHERE a.host = 'a' AND a.path = b.path AND a.status = "
    "b.status",
    "SELECT DISTINCT end, http FROM access ORDER BY 1, 2",
    "SELECT host FROM access WHERE status >= 500 UNION SELECT user FROM access ORDER BY 1",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) "
    "SELECT i, (SELECT count(*) FROM access WHERE status % 5 = i) FROM n",
    "SELECT host, row_number() OVER (PARTITION BY host ORDER BY time) AS n FROM access ORDER BY "
    "time, n",
    "SELECT count(*) FROM access WHERE path GLOB '/p1*' AND referer LIKE 'HTTP%'",
    "SELECT strftime('%H', time) AS hour, count(*) FROM access GROUP BY hour ORDER BY hour",
    "SELECT 1 WHERE 0",
};

} // namespace

TEST_CASE("log query: any SELECT over all partitions is right, while weir runs and after") {
  bool running = GENERATE(true, false);
  std::size_t cap = GENERATE(std::size_t{4}, Partition::kDictionaryCap);
  Reference log(700, running, cap);
  CHECK(list_partitions(log.dir())->size() >= 8);
  std::string all_columns = "time";
  for (std::size_t i = 1; i < kColumns; ++i) {
    all_columns += fmt::format(", \"{}\"", kColumnTable[i].name);
  }
  for (std::string sql : kQueries) {
    if (auto at = sql.find("ALL_COLUMNS"); at != std::string::npos) {
      sql.replace(at, 11, all_columns);
    }
    INFO(sql);
    CHECK(ask(log.dir(), sql) == log.expected(sql));
  }
}

TEST_CASE("log query: pages of a partition that still grows fit together") {
  Scratch scratch;
  WriterSettings s;
  s.directory = scratch.dir();
  s.retention = {};
  SqliteWriter writer(s);
  LogRing& ring = writer.make_ring();
  constexpr int kRows = 10'000; // several pages
  for (int i = 0; i < kRows; ++i) {
    AccessRecord r;
    r.time = kStart + i;
    r.status = i;
    r.host = i % 3 == 0 ? "a" : "b";
    REQUIRE(ring.push(r));
  }
  writer.flush();
  for (const char* order : {"ASC", "DESC"}) {
    auto rows =
        ask(scratch.dir(), fmt::format("SELECT status FROM access ORDER BY time {}", order));
    REQUIRE(rows.size() == kRows);
    for (int i = 0; i < kRows; ++i) {
      int status = order[0] == 'A' ? i : kRows - 1 - i;
      if (rows[static_cast<std::size_t>(i)] != std::to_string(status)) {
        FAIL("row " << i << " is " << rows[static_cast<std::size_t>(i)]);
      }
    }
  }
  CHECK(ask(scratch.dir(), "SELECT count(*), sum(status) FROM access WHERE host = 'a'")[0] ==
        "3334|16668333");
}

TEST_CASE("log query: a reader that is slow holds no transaction on the open partition") {
  Scratch scratch;
  WriterSettings s;
  s.directory = scratch.dir();
  s.retention = {};
  SqliteWriter writer(s);
  LogRing& ring = writer.make_ring();
  AccessRecord r;
  r.time = kStart;
  ring.push(r);
  writer.flush();

  /// While it is in the middle of the answer, the WAL can be taken back to nothing.
  class Checkpointing final : public RowSink {
  public:
    explicit Checkpointing(std::string file) : file_(std::move(file)) {}
    void columns(std::span<const std::string_view>) override {}
    bool row(std::span<const SqlValue>) override {
      sqlite3* db = nullptr;
      sqlite3_open(file_.c_str(), &db);
      result = sqlite3_exec(db, "SELECT count(*) FROM block", nullptr, nullptr, nullptr);
      if (result == SQLITE_OK) {
        result =
            sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
      }
      sqlite3_close(db);
      return true;
    }
    int result = -1;

  private:
    std::string file_;
  };
  Checkpointing sink(writer.status().partition);
  std::string why;
  REQUIRE(run_sql(scratch.dir(), "SELECT * FROM access", sink, why).has_value());
  CHECK(sink.result == SQLITE_OK);
}

TEST_CASE("log query: bounds on the time open only the partitions that they touch") {
  Reference log(700, true);
  std::size_t all = list_partitions(log.dir())->size();
  auto opened = [&](const std::string& sql) {
    QueryStats stats;
    ask(log.dir(), sql, &stats);
    return stats.partitions;
  };
  CHECK(opened("SELECT count(*) FROM access") == all);
  CHECK(
      opened("SELECT count(*) FROM access WHERE time >= '2026-11-21 12:30' AND time < '2026-11-21 "
             "12:59'") == 1);
  CHECK(opened("SELECT count(*) FROM access WHERE time BETWEEN '2026-11-21 11:30' AND '2026-11-21 "
               "12:30'") == 2);
  CHECK(opened("SELECT count(*) FROM access WHERE time < '2026-11-21 10:30'") == 1);
  CHECK(opened("SELECT count(*) FROM access WHERE time > '2027'") ==
        1); // the open one: it still grows
  CHECK(opened("SELECT count(*) FROM access WHERE time < '2020'") == 0);
  CHECK(opened(fmt::format("SELECT * FROM access WHERE time_us = {}",
                           log.samples[300].record.time)) == 1);
  CHECK(opened(fmt::format("SELECT * FROM access WHERE rowid = {}",
                           log.samples[300].record.time << 10)) == 1);
  CHECK(opened("SELECT * FROM access ORDER BY time DESC LIMIT 1") == 1);
  CHECK(opened("SELECT * FROM access ORDER BY time LIMIT 1") == 1);
  QueryStats stats;
  auto rows = ask(log.dir(), "SELECT count(*) FROM access WHERE host = 'a'", &stats);
  CHECK(std::to_string(stats.rows) == rows[0]);
}

TEST_CASE("log query: nothing but one SELECT is taken") {
  Reference log(5, false);
  auto refused = [&](std::string_view sql) {
    TextSink sink;
    std::string why;
    auto r = run_sql(log.dir(), sql, sink, why);
    INFO(sql);
    REQUIRE(!r);
    CHECK(!why.empty());
    CHECK(sink.rows.empty());
    return r.error().code;
  };
  for (const char* sql :
       {"CREATE TABLE t (x)", "DROP TABLE access", "ATTACH '/tmp/x' AS x",
        "PRAGMA journal_mode = DELETE", "PRAGMA user_version",
        "CREATE VIRTUAL TABLE t USING access", "SELECT 1; SELECT 2", "SELECT 1; DELETE FROM access",
        "VACUUM INTO '/tmp/x'", "BEGIN", "CREATE TEMP TABLE t AS SELECT 1",
        "INSERT INTO access (host) VALUES ('x')"}) {
    INFO(sql);
    CHECK(refused(sql) == Code::denied);
  }
  CHECK(refused("DELETE FROM access") == Code::malformed); // the table cannot be modified
  CHECK(refused("SELECT * FROM pragma_user_version") == Code::malformed);
  CHECK(refused("SELECT load_extension('x')") == Code::malformed);
  CHECK(refused("SELECT nothing FROM access") == Code::malformed);
  CHECK(refused("SELEC") == Code::malformed);
  CHECK(refused("") == Code::malformed);
  CHECK(refused("-- nothing") == Code::malformed);
  CHECK(refused("SELECT ip_in('10.0.0.1', 'x') FROM access") == Code::malformed);
  CHECK(ask(log.dir(), "SELECT 1; -- one\n ; ").size() == 1);
  TextSink sink;
  std::string why;
  CHECK(run_sql(log.dir() + "/none", "SELECT 1", sink, why).error().code == Code::not_found);
  CHECK(why.find("/none") != std::string::npos);
}

TEST_CASE("log query: a damaged partition is named, not passed over") {
  Reference log(200, false);
  std::string path = list_partitions(log.dir())->at(1).path;
  {
    std::ofstream out(path, std::ios::trunc);
    out << std::string(10'000, 'x');
  }
  TextSink sink;
  std::string why;
  auto r = run_sql(log.dir(), "SELECT count(*) FROM access", sink, why);
  REQUIRE(!r);
  CHECK(r.error().code == Code::io);
  CHECK(why.find(path) != std::string::npos);
}

namespace {
/// A partition that begins at kStart, made by hand.
std::string make_partition(const Scratch& scratch, const std::string& sql) {
  std::filesystem::create_directories(scratch.dir());
  std::string path = (std::filesystem::path(scratch.dir()) / partition_name(kStart)).string();
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
  return path;
}
const std::string kOlder =
    "PRAGMA user_version = 2; CREATE TABLE block (first INTEGER PRIMARY KEY, last, rows);"
    "CREATE TABLE layout (n INTEGER PRIMARY KEY, name TEXT);"
    "INSERT INTO layout VALUES (0, 'at'), (1, 'host'), (2, 'common'), (3, 'no_more');"
    "CREATE TABLE common (n INTEGER PRIMARY KEY, status);"
    "INSERT INTO common VALUES (1, 200), (2, 404);"
    "CREATE TABLE dict (n INTEGER PRIMARY KEY, text TEXT NOT NULL);"
    "INSERT INTO dict VALUES (0, ''), (1, 'old.test'), (2, 'ok');";
} // namespace

TEST_CASE("log query: a partition of an older weir, with other columns in other places") {
  Scratch scratch;
  make_partition(scratch, kOlder + fmt::format("INSERT INTO block VALUES ({0}, {0} + 1, "
                                               "'[[0,1,1,7],[1,\"full.test\",2,7]]');",
                                               first_rowid_at(kStart)));
  WriterSettings s;
  s.directory = scratch.dir();
  s.retention = {};
  SqliteWriter writer(s);
  AccessRecord r;
  r.time = kStart + kMinute;
  r.host = "new.test";
  r.end = "ok";
  r.status = 200;
  writer.make_ring(1).push(r);
  writer.flush();
  CHECK(ask(scratch.dir(), "SELECT host, status, \"end\", bytes_out FROM access ORDER BY time") ==
        std::vector<std::string>{"old.test|200||0", "full.test|404||0", "new.test|200|ok|0"});
  CHECK(ask(scratch.dir(), "SELECT host FROM access ORDER BY time DESC") ==
        std::vector<std::string>{"new.test", "full.test", "old.test"});
  CHECK(ask(scratch.dir(), "SELECT host FROM access WHERE \"end\" = 'ok'") ==
        std::vector<std::string>{"new.test"});
  CHECK(ask(scratch.dir(), "SELECT status FROM access WHERE host = 'full.test'")[0] == "404");
  CHECK(ask(scratch.dir(), "SELECT count(*) FROM access WHERE status = 200")[0] == "2");
}

TEST_CASE("log query: a partition that cannot be understood is named, with what is wrong") {
  Scratch scratch;
  auto [sql, expected] = GENERATE(table<std::string, std::string>(
      {{"CREATE TABLE row (at INTEGER PRIMARY KEY, host);",
        "its rows are those of a weir before 0.1.0"},
       {kOlder + fmt::format("INSERT INTO block VALUES ({}, 0, '[[0,1,1],[1,1');",
                             first_rowid_at(kStart)),
        fmt::format("the block of row {} is damaged", first_rowid_at(kStart))},
       {kOlder + "INSERT INTO block VALUES (9223372036854775807, 0, '[[1,1,1]]');",
        "the block of row 9223372036854775807 is damaged"},
       {kOlder + "INSERT INTO block VALUES (1, 0, '[[9223372036854775807,1,1]]');",
        "the block of row 1 is damaged"}}));
  std::string path = make_partition(scratch, sql);
  TextSink sink;
  std::string why;
  auto r = run_sql(scratch.dir(), "SELECT host FROM access", sink, why);
  REQUIRE(!r);
  CHECK(why == path + ": " + expected);
}

TEST_CASE("log query: an empty log has columns and no rows") {
  Scratch scratch;
  std::filesystem::create_directory(scratch.dir());
  { std::ofstream empty(scratch.dir() + "/access-20261121-100000-000000.db"); }
  TextSink sink;
  std::string why;
  REQUIRE(run_sql(scratch.dir(), "SELECT * FROM access", sink, why).has_value());
  REQUIRE(sink.header.size() == kColumns);
  CHECK(sink.header[0] == "time");
  CHECK(sink.rows.empty());
}

TEST_CASE("log query: the sink can end the answer") {
  Reference log(300, true);
  TextSink sink;
  sink.most = 10;
  std::string why;
  QueryStats stats;
  REQUIRE(run_sql(log.dir(), "SELECT * FROM access", sink, why, &stats).has_value());
  CHECK(sink.rows.size() == 10);
  CHECK(stats.partitions == 1);
}

TEST_CASE("log query: a request is found by its id, from the time in it on") {
  Reference log(700, true);
  const Sample& wanted = log.samples[600];
  TextSink sink;
  std::string why;
  QueryStats stats;
  REQUIRE(find_request(log.dir(), wanted.record.id.to_string(), sink, why, &stats).has_value());
  REQUIRE(sink.rows.size() == 1);
  CHECK(sink.rows[0].find(wanted.record.id.to_string()) != std::string::npos);
  CHECK(sink.header.size() == kColumns);
  CHECK(stats.partitions <= 2);
  TextSink none;
  CHECK(find_request(log.dir(), "0123456789abcdef", none, why).error().code == Code::not_found);
  CHECK(find_request(log.dir(), "short", none, why).error().code == Code::not_found);
  CHECK(why.find("short") != std::string::npos);
}

TEST_CASE("log query: filter as SQL and filter as predicate agree") {
  Reference log(300, true, 4);
  Samples random(99);
  auto test = [&]() -> std::string {
    const Sample& s = log.samples[random.below(log.samples.size())];
    auto column = static_cast<Column>(random.below(kColumns));
    const ColumnInfo& c = info(column);
    std::string op = random.pick({"=", "!="});
    std::string value;
    if (is_number(c.kind)) {
      op = random.pick({"=", "!=", "<", "<=", ">", ">="});
      std::int64_t n = number_of(s.record, column);
      if (c.kind == Kind::time) {
        append_time(n, 'T', value);
      } else {
        value = std::to_string(n) + (c.kind == Kind::duration ? "us"
                                     : c.kind == Kind::bytes  ? "B"
                                                              : "");
      }
    } else if (c.kind == Kind::id) {
      value = s.record.id.to_string();
    } else if (const Address* a = address_of(s.record, column); a != nullptr) {
      switch (random.below(3)) {
      case 0:
        value = a->valid() ? a->host() : "\"\"";
        break;
      case 1:
        value = a->valid() ? print_address(*a, c.kind) : "\"\"";
        break;
      default:
        value = random.pick({"10.0.0.0/24", "10.0.0.0/8", "2001:db8::/32", "2001:db8::3"});
      }
    } else {
      for (char ch : text_of(s.record, column)) {
        if (random.below(12) == 0) {
          value += random.pick({"*", "?"});
        } else {
          if (ch == '"' || ch == '\\' || ch == '*' || ch == '?') {
            value += '\\';
          }
          value += ch;
        }
      }
      value = '"' + value + '"';
    }
    return fmt::format("{} {} {}", c.name, op, value);
  };
  for (int i = 0; i < 400; ++i) {
    std::string text = test();
    for (std::size_t n = random.below(4); n > 0; --n) {
      text = fmt::format("{} {} {}{}", random.below(4) == 0 ? "(" + text + ")" : text,
                         random.pick({"and", "or"}), random.below(4) == 0 ? "not " : "", test());
    }
    FilterError why;
    auto filter = Filter::parse(text, WallTime{}, why);
    INFO(text << ": " << why.text);
    REQUIRE(filter.has_value());
    std::vector<std::string> expected;
    for (const Sample& s : log.samples) {
      if (filter->matches(s.record)) {
        expected.push_back(s.record.id.to_string());
      }
    }
    INFO(filter->to_sql());
    CHECK(ask(log.dir(), "SELECT id FROM access WHERE " + filter->to_sql() + " ORDER BY time") ==
          expected);
  }
}
