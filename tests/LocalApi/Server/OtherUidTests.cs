using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using EstProv.LocalApi.Tests.Support;

namespace EstProv.LocalApi.Tests.Server;

/// <summary>What one uid does to the server is no other's trouble.</summary>
public sealed class OtherUidTests
{
    private const uint Attacker = 65_001, Victim = 65_002;
    private const string Partial = "GET /plain?api-version=2020-09-01 HTTP/1.1\r\nHost: x\r\n";

    [Test]
    public void The_peer_is_who_connected()
    {
        using var server = Start(new TestServer().Map("GET", "/who", static (request, response) => response.Bytes(Encoding.ASCII.GetBytes($"{request.Peer.Uid} {request.Peer.Pid}"), "text/plain")));
        using var client = Connect(server, Victim);
        Assert.That(client.Ask(RawClient.Get("/who")).Body, Is.EqualTo($"{Victim} {Environment.ProcessId}"));
    }

    [Test]
    public void A_thousand_idle_connections_of_one_uid_cost_another_none_of_his()
    {
        using var server = Start(new TestServer());
        var before = Enumerable.Range(0, 20).Select(_ => Connect(server, Victim)).ToArray();
        foreach (var client in before) Assert.That(client.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
        var idle = AsUid.Run(Attacker, () => Enumerable.Range(0, 1000).Select(_ => server.Connect()).ToArray());
        using var later = Connect(server, Victim);
        Assert.Multiple(() =>
        {
            Assert.That(later.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
            foreach (var client in before) Assert.That(client.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200), "on the connection that he had");
            Assert.That(server.Server.Connections.Count, Is.LessThanOrEqualTo(64 + 21));
            Assert.That(server.Server.ThreadCount, Is.LessThan(40));
        });
        Close([.. idle, .. before]);
    }

    [Test]
    public void A_slow_sender_of_one_uid_does_not_slow_another()
    {
        using var server = Start(new TestServer());
        var slow = AsUid.Run(Attacker, () => Enumerable.Range(0, 60).Select(_ => server.Connect().Send(Partial)).ToArray());
        using var client = Connect(server, Victim);
        var slowest = TimeSpan.Zero;
        for (var i = 0; i < 100; i++)
        {
            // One byte more of a header each, which no limit on a pause would catch.
            foreach (var one in slow) one.TrySend(i == 0 ? "X: " : "y");
            var begun = Stopwatch.GetTimestamp();
            Assert.That(client.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
            slowest = slowest > Stopwatch.GetElapsedTime(begun) ? slowest : Stopwatch.GetElapsedTime(begun);
        }

        Assert.That(slowest, Is.LessThan(TimeSpan.FromSeconds(2)));
        Eventually.Is(() =>
        {
            // The deadline is for the whole request, however often something comes.
            server.Time.Advance(TimeSpan.FromSeconds(1));
            foreach (var one in slow) one.TrySend("z");
            return server.Server.Connections.Count == 1;
        }, "all slow senders are cut off");
        Assert.That(client.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
        Close(slow);
    }

    [Test]
    public void One_who_sends_without_end_and_reads_no_answer_takes_no_thread_that_others_need()
    {
        using var server = Start(new TestServer(static options => options with { MaxThreads = 40 }).Map("GET", "/large", static (_, response) => response.Bytes(new byte[64 * 1024], "text/plain")));
        var flood = RawClient.Get("/large");
        var endless = Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat(flood, 500)));
        var greedy = AsUid.Run(Attacker, () => Enumerable.Range(0, 60).Select(_ => server.Connect()).ToArray());
        foreach (var one in greedy)
        {
            one.Socket.Blocking = false;
            one.Socket.Send(endless, SocketFlags.None, out _);
        }

        using var client = Connect(server, Victim);
        for (var i = 0; i < 200; i++)
        {
            var answer = client.Ask(RawClient.Get("/plain"));
            Assert.That(answer.Status, Is.EqualTo(200), $"request {i}: {answer.Body} with {server.Server.ThreadCount} threads, {server.Server.Connections.Count} connections, {server.Server.Connections.Active} active");
        }

        using var another = Connect(server, Victim);
        Assert.That(another.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
        Close(greedy);
    }

    [Test]
    public void The_limit_on_requests_in_progress_is_each_uids_own()
    {
        using var open = new ManualResetEventSlim();
        var inside = 0;
        using var server = Start(new TestServer(static options => options with { MaxRequestsPerUid = 3 }).Map("GET", "/block", (_, response) =>
        {
            Interlocked.Increment(ref inside);
            open.Wait(TimeSpan.FromSeconds(30));
            response.NoContent();
        }));
        var busy = AsUid.Run(Attacker, () => Enumerable.Range(0, 3).Select(_ => server.Connect().Send(RawClient.Get("/block"))).ToArray());
        Eventually.Is(() => Volatile.Read(ref inside) == 3, "three handlers run");
        using var own = Connect(server, Attacker);
        using var client = Connect(server, Victim);
        Assert.Multiple(() =>
        {
            Assert.That(own.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(503));
            Assert.That(client.Ask(RawClient.Get("/plain")).Status, Is.EqualTo(200));
        });
        open.Set();
        foreach (var one in busy) Assert.That(one.Read().Status, Is.EqualTo(204));
        Close(busy);
    }

    private static TestServer Start(TestServer server)
    {
        server.Start();
        // Reachable for everybody, which only tests want.
        File.SetUnixFileMode(Path.GetDirectoryName(server.SocketPath)!, (UnixFileMode)0x1FF);
        File.SetUnixFileMode(server.SocketPath, (UnixFileMode)0x1B6);
        return server;
    }

    private static RawClient Connect(TestServer server, uint uid) => AsUid.Run(uid, server.Connect);

    private static void Close(RawClient[] clients)
    {
        foreach (var client in clients) client.Dispose();
    }
}
