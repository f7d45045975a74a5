using System.Net.Sockets;
using EstProv.LocalApi.Server;
using EstProv.LocalApi.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.LocalApi.Tests.Server;

/// <summary>A server gives its sockets to the one that takes its place, and its clients notice nothing.</summary>
public sealed class HandOverTests
{
    private static readonly LocalServerOptions Options = new() { SocketPath = "", HandOverTime = TimeSpan.FromMilliseconds(200) };

    private readonly ManualResetEventSlim _release = new();
    private readonly ManualResetEventSlim _inHandler = new();
    private TestServer _first;

    [SetUp]
    public void Start()
    {
        _release.Reset();
        _inHandler.Reset();
        _first = new TestServer(static options => options with { HandOverTime = Options.HandOverTime });
        _first.Map("GET", "/hang", (_, response) =>
        {
            _inHandler.Set();
            _release.Wait();
            response.NoContent();
        }).Start();
    }

    [TearDown]
    public void Stop()
    {
        _release.Set();
        _first.Dispose();
    }

    [Test]
    public void Kept_connections_new_ones_and_the_queue_are_served_by_the_next_one()
    {
        using var kept = _first.Connect();
        Assert.That(kept.Send(RawClient.Get("/plain")).Read().Status, Is.EqualTo(200));
        var handover = _first.Server.HandOver();
        using var queued = _first.Connect();
        queued.Send(RawClient.Get("/plain"));
        kept.Send(RawClient.Get("/plain"));
        using var next = Next(handover);
        Assert.That(queued.Read().Status, Is.EqualTo(200));
        Assert.That(kept.Read().Status, Is.EqualTo(200), "on the connection that the first server had");
        using var late = _first.Connect();
        Assert.That(late.Send(RawClient.Get("/plain")).Read().Status, Is.EqualTo(200));
        next.Stop();
        Assert.That(File.Exists(_first.SocketPath), Is.False, "the last one removes the socket's file");
    }

    [Test]
    public void A_request_that_hangs_is_answered_and_given_up()
    {
        using var hanging = _first.Connect();
        hanging.Send(RawClient.Get("/hang"));
        _inHandler.Wait();
        var handover = _first.Server.HandOver();
        var answer = hanging.Read();
        Assert.That(answer.Status, Is.EqualTo(503));
        Told.Shown("stopping", answer);
        Assert.That(handover.Connections, Is.Empty);
    }

    [Test]
    public void A_request_that_ends_in_time_is_answered_by_its_handler()
    {
        using var slow = _first.Connect();
        slow.Send(RawClient.Get("/hang"));
        _inHandler.Wait();
        using var soon = new Timer(_ => _release.Set(), null, 50, Timeout.Infinite);
        var handover = _first.Server.HandOver();
        Assert.That(slow.Read().Status, Is.EqualTo(204));
        Assert.That(handover.Connections, Has.Length.EqualTo(1), "and its connection is kept");
    }

    [Test]
    public void Clients_that_keep_on_asking_lose_no_request_over_many_hand_overs()
    {
        var failed = 0;
        var stop = false;
        var clients = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            using var client = _first.Connect();
            while (!Volatile.Read(ref stop))
            {
                try
                {
                    if (client.Send(RawClient.Get("/plain")).Read().Status != 200) Interlocked.Increment(ref failed);
                }
                catch (Exception cause) when (cause is SocketException or EndOfStreamException)
                {
                    Interlocked.Increment(ref failed);
                    return;
                }
            }
        })).ToList();
        clients.ForEach(static client => client.Start());
        LocalServer server = _first.Server;
        for (var round = 0; round < 25; round++) server = Next(server.HandOver());
        Volatile.Write(ref stop, true);
        clients.ForEach(static client => client.Join());
        server.Dispose();
        Assert.That(failed, Is.Zero);
    }

    [TestCase("")]
    [TestCase("x")]
    [TestCase("1|PATH|1|3|")]
    [TestCase("PID|/other|1|3|")]
    [TestCase("PID|PATH|1|0,1,2|")]
    [TestCase("PID|PATH|1|x,-1,99999|")]
    public void What_is_meant_for_others_or_is_no_listener_is_not_taken(string text)
    {
        text = text.Replace("PID", Environment.ProcessId.ToString(), StringComparison.Ordinal).Replace("PATH", _first.SocketPath, StringComparison.Ordinal);
        Assert.That(SocketHandover.Take(_first.SocketPath, text), Is.Null);
    }

    private LocalServer Next(SocketHandover handover)
    {
        var options = Options with { SocketPath = _first.SocketPath, Handover = handover.ToString() };
        var server = new LocalServer(options, NullLogger.Instance, TimeProvider.System);
        server.Map("GET", "/plain", [TestServer.Version], static (_, response) => response.Bytes("plain"u8, "text/plain"));
        server.Start();
        return server;
    }
}
