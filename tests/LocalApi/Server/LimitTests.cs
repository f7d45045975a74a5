using EstProv.LocalApi.Server;
using EstProv.LocalApi.Tests.Support;

namespace EstProv.LocalApi.Tests.Server;

public sealed class LimitTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    [Test]
    public void Requests_in_progress_over_the_limit_are_answered_503_with_retry_after()
    {
        using var gate = new Gate();
        using var server = gate.Map(new TestServer(options => options with { MaxRequestsPerUid = 3 })).Start();
        var busy = Enumerable.Range(0, 3).Select(_ => server.Connect().Send(RawClient.Get("/block"))).ToArray();
        gate.WaitFor(3);
        using var more = server.Connect();
        var refused = more.Ask(RawClient.Get("/plain"));
        gate.Open();
        Assert.Multiple(() =>
        {
            Assert.That(refused.Status, Is.EqualTo(503));
            Assert.That(refused.Header("Retry-After"), Is.EqualTo("1"));
            Told.Shown("too_many_requests", refused);
            Assert.That(busy.Select(client => client.Read().Status), Is.All.EqualTo(200));
            Assert.That(more.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200), "once there is room again, on the same connection");
            Assert.That(server.Logger.Lines.Count(line => line.Contains("too_many_requests", StringComparison.Ordinal)), Is.EqualTo(1));
        });
        foreach (var client in busy) client.Dispose();
    }

    [Test]
    public void Those_that_wait_by_design_take_no_place_of_the_others_and_have_their_own_limit()
    {
        using var gate = new Gate();
        using var server = gate.Map(new TestServer(options => options with { MaxRequestsPerUid = 1, MaxWaitingPerUid = 20 }), new RouteOptions { Waits = true }).Start();
        var waiting = Enumerable.Range(0, 20).Select(_ => server.Connect().Send(RawClient.Get("/block"))).ToArray();
        gate.WaitFor(20);
        using var more = server.Connect();
        Assert.Multiple(() =>
        {
            Assert.That(more.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
            var refused = more.Ask(RawClient.Get("/block"));
            Assert.That(refused.Status, Is.EqualTo(503));
            Told.Shown("too_many_requests-waiting", refused);
        });
        gate.Open();
        foreach (var client in waiting)
        {
            Assert.That(client.Read().Status, Is.EqualTo(200));
            client.Dispose();
        }
    }

    [Test]
    public void A_slow_sender_is_cut_off_with_408()
    {
        using var server = new TestServer().Start();
        using var client = server.Connect().Send("GET /plain?api-ver");
        Eventually.Readable(client, server, TimeSpan.FromSeconds(2));
        Assert.Multiple(() =>
        {
            var refused = client.Read();
            Assert.That(refused.Status, Is.EqualTo(408));
            Told.Shown("request_timeout", refused);
            Assert.That(client.IsClosed());
            Assert.That(server.Time.GetElapsedTime(0), Is.GreaterThan(TimeSpan.FromSeconds(5)));
        });
    }

    [Test]
    public void Slow_senders_count_as_requests_in_progress()
    {
        using var server = new TestServer(options => options with { MaxRequestsPerUid = 2 }).Start();
        using var first = server.Connect().Send("GET /plain?api-ver");
        using var second = server.Connect().Send("GET /plain?api-ver");
        using var third = server.Connect();
        Eventually.Is(() => third.Ask(RawClient.Get("/plain")).Status == 503, "the third is refused");
        first.Send("sion=2020-09-01 HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.That(first.Read().Status, Is.EqualTo(200));
        Assert.That(third.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
    }

    [Test]
    public void A_connection_without_a_request_has_no_deadline()
    {
        using var server = new TestServer().Start();
        using var client = server.Connect();
        Assert.That(client.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
        server.Time.Advance(TimeSpan.FromHours(5));
        Assert.That(client.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
    }

    [Test]
    public void A_handler_over_its_deadline_is_answered_504_in_its_place()
    {
        using var gate = new Gate();
        using var server = gate.Map(new TestServer()).Start();
        using var client = server.Connect().Send(RawClient.Get("/block"));
        gate.WaitFor(1);
        server.Time.Advance(TimeSpan.FromSeconds(4));
        Assert.That(client.Socket.Poll(600_000, System.Net.Sockets.SelectMode.SelectRead), Is.False, "not before the deadline");
        server.Time.Advance(TimeSpan.FromSeconds(2));
        var answer = client.Read();
        gate.Open();
        Assert.Multiple(() =>
        {
            Assert.That(answer.Status, Is.EqualTo(504));
            Told.Shown("deadline", answer);
            Assert.That(client.IsClosed());
        });
        Eventually.Is(() => server.Logger.Lines.Any(line => line.StartsWith("Warning: GET /block for uid", StringComparison.Ordinal)), "it is logged");
        using var other = server.Connect();
        Assert.That(other.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
    }

    [Test]
    public void A_route_may_have_a_longer_deadline()
    {
        using var gate = new Gate();
        using var server = gate.Map(new TestServer(), new RouteOptions { Deadline = TimeSpan.FromMinutes(1) }).Start();
        using var client = server.Connect().Send(RawClient.Get("/block"));
        gate.WaitFor(1);
        server.Time.Advance(TimeSpan.FromSeconds(59));
        Assert.That(client.Socket.Poll(600_000, System.Net.Sockets.SelectMode.SelectRead), Is.False);
        server.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.That(client.Read().Status, Is.EqualTo(504));
        gate.Open();
    }

    [Test]
    public void A_handler_that_waits_by_design_has_no_deadline()
    {
        using var gate = new Gate();
        using var server = gate.Map(new TestServer(), new RouteOptions { Waits = true }).Start();
        using var client = server.Connect().Send(RawClient.Get("/block"));
        gate.WaitFor(1);
        server.Time.Advance(TimeSpan.FromMinutes(10));
        Assert.That(client.Socket.Poll(600_000, System.Net.Sockets.SelectMode.SelectRead), Is.False);
        gate.Open();
        Assert.That(client.Read().Status, Is.EqualTo(200));
    }

    [Test]
    public void A_client_that_does_not_read_its_answer_is_cut_off()
    {
        using var server = new TestServer().Map("GET", "/large", static (_, response) => response.Bytes(new byte[4 << 20], "application/octet-stream")).Start();
        using var client = server.Connect().Send(RawClient.Get("/large"));
        Assert.That(client.Socket.Poll(20_000_000, System.Net.Sockets.SelectMode.SelectRead));
        Eventually.Is(() =>
        {
            server.Time.Advance(TimeSpan.FromSeconds(2));
            return server.Server.Connections.Count == 0;
        }, "the connection is closed");
        Assert.Throws<EndOfStreamException>(() => client.Read());
    }

    [Test]
    public void A_thousand_idle_connections_of_one_uid_do_not_stop_another()
    {
        using var server = new TestServer().Start();
        var idle = Enumerable.Range(0, 1000).Select(_ => server.Connect()).ToArray();
        using var client = server.Connect();
        Assert.That(client.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
        Assert.Multiple(() =>
        {
            Assert.That(server.Server.Connections.Count, Is.LessThanOrEqualTo(64));
            Assert.That(server.Server.ThreadCount, Is.LessThan(5));
            Assert.That(idle[0].IsClosed(), "the one that was idle longest went first");
            Assert.That(idle[999].Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200), "the latest are still served");
        });
        foreach (var connection in idle) connection.Dispose();
    }

    [Test]
    public void A_connection_is_refused_in_words_when_none_is_idle()
    {
        using var gate = new Gate();
        using var server = gate.Map(new TestServer(options => options with { MaxConnectionsPerUid = 2 })).Start();
        using var first = server.Connect().Send(RawClient.Get("/block"));
        using var second = server.Connect().Send(RawClient.Get("/block"));
        gate.WaitFor(2);
        using var third = server.Connect();
        Assert.Multiple(() =>
        {
            Told.Shown("too_many_connections", third.Read());
            Assert.That(third.IsClosed());
        });
        gate.Open();
    }

    [Test]
    public void When_all_threads_are_taken_the_last_one_refuses_and_recovers()
    {
        using var gate = new Gate();
        using var server = gate.Map(new TestServer(options => options with { MaxThreads = 4, MaxRequestsPerUid = 100 })).Start();
        var busy = Enumerable.Range(0, 3).Select(_ => server.Connect().Send(RawClient.Get("/block"))).ToArray();
        gate.WaitFor(3);
        using var more = server.Connect();
        Assert.That(more.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(503));
        gate.Open();
        foreach (var client in busy)
        {
            Assert.That(client.Read().Status, Is.EqualTo(200));
            client.Dispose();
        }

        Eventually.Is(() => more.Ask(RawClient.Get("/plain")).Status == 200, "served again");
    }

    [Test]
    public void Threads_come_with_the_work_and_go_without_it()
    {
        using var gate = new Gate();
        using var server = gate.Map(new TestServer(options => options with { IdleThread = TimeSpan.FromMilliseconds(50) })).Start();
        Assert.That(server.Server.ThreadCount, Is.EqualTo(1));
        var busy = Enumerable.Range(0, 8).Select(_ => server.Connect().Send(RawClient.Get("/block"))).ToArray();
        gate.WaitFor(8);
        Assert.That(server.Server.ThreadCount, Is.GreaterThanOrEqualTo(9));
        gate.Open();
        Eventually.Is(() => server.Server.ThreadCount == 1, "one is left");
        Assert.That(busy[7].Read().Status, Is.EqualTo(200));
        foreach (var client in busy) client.Dispose();
    }

    [Test]
    public void Stopping_lets_requests_in_progress_finish_and_closes_the_idle()
    {
        using var gate = new Gate();
        using var server = gate.Map(new TestServer(options => options with { DrainTime = Long })).Start();
        using var idle = server.Connect();
        Assert.That(idle.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
        using var busy = server.Connect().Send(RawClient.Get("/block"));
        gate.WaitFor(1);
        var stop = new Thread(server.Server.Stop);
        stop.Start();
        Assert.That(idle.IsClosed());
        gate.Open();
        var answer = busy.Read();
        Assert.Multiple(() =>
        {
            Assert.That(answer.Status, Is.EqualTo(200));
            Assert.That(answer.Header("Connection"), Is.EqualTo("close"));
            Assert.That(stop.Join(Long));
            Assert.That(File.Exists(server.SocketPath), Is.False);
        });
    }

    [Test]
    public void Stopping_does_not_wait_for_a_handler_that_hangs()
    {
        using var gate = new Gate();
        using var server = gate.Map(new TestServer(options => options with { DrainTime = TimeSpan.FromMilliseconds(50) })).Start();
        using var busy = server.Connect().Send(RawClient.Get("/block"));
        gate.WaitFor(1);
        server.Server.Stop();
        Assert.That(server.Logger.Lines, Has.Some.Contains("threads are still busy"));
        gate.Open();
        Assert.That(busy.Read().Status, Is.EqualTo(200));
    }

    /// <summary>A route <c>GET /block</c> whose handlers stand still until it is opened.</summary>
    private sealed class Gate : IDisposable
    {
        private readonly ManualResetEventSlim _open = new();
        private int _inside;

        public TestServer Map(TestServer server, RouteOptions? options = null) => server.Map("GET", "/block", (_, response) =>
        {
            Interlocked.Increment(ref _inside);
            _open.Wait(Long);
            response.Bytes("done"u8, "text/plain");
        }, options);

        public void WaitFor(int count) => Eventually.Is(() => Volatile.Read(ref _inside) >= count, $"{count} handlers run");

        public void Open() => _open.Set();

        public void Dispose() => _open.Set();
    }
}
