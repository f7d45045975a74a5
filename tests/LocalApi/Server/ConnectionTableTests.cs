using EstProv.LocalApi.Interop;
using EstProv.LocalApi.Server;

namespace EstProv.LocalApi.Tests.Server;

public sealed class ConnectionTableTests
{
    private static readonly LocalServerOptions Options = new() { SocketPath = "unused", MaxConnectionsPerUid = 3, MaxConnections = 5 };
    private EventPoll _poll = null!;
    private ConnectionTable _table = null!;

    [SetUp]
    public void Make()
    {
        _poll = new EventPoll("unused");
        _table = new ConnectionTable(Options, _poll);
    }

    [TearDown]
    public void Close()
    {
        _table.Stop();
        _poll.Dispose();
    }

    [Test]
    public void A_uid_over_its_limit_loses_its_own_oldest_connection_only()
    {
        var other = Admit(2);
        var own = Enumerable.Range(0, 4).Select(_ => Admit(1)).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(IsOpen(own[0]), Is.False);
            Assert.That(own[1..].Select(IsOpen), Is.All.True);
            Assert.That(IsOpen(other));
        });
    }

    [Test]
    public void When_all_are_taken_the_uid_with_the_most_pays()
    {
        var few = Admit(1);
        var many = Enumerable.Range(0, 3).Select(_ => Admit(2)).ToArray();
        Admit(3);
        Admit(4);
        Assert.Multiple(() =>
        {
            Assert.That(_table.Count, Is.EqualTo(5));
            Assert.That(IsOpen(many[0]), Is.False);
            Assert.That(IsOpen(few));
        });
    }

    [Test]
    public void Connections_in_use_are_never_closed_for_new_ones()
    {
        var busy = Enumerable.Range(0, 3).Select(_ => _table.Take(Admit(1)!.Token)).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(Admit(1), Is.Null);
            Assert.That(busy, Has.None.Null);
            Assert.That(_table.Count, Is.EqualTo(3));
            Assert.That(_table.Active, Is.EqualTo(3));
        });
        foreach (var connection in busy) _table.Close(connection!);
    }

    [Test]
    public void Parking_makes_a_connection_the_youngest()
    {
        var connections = Enumerable.Range(0, 3).Select(_ => Admit(1)!).ToArray();
        _table.Park(_table.Take(connections[0].Token)!);
        Admit(1);
        Assert.That(connections.Select(IsOpen), Is.EqualTo(new[] { true, false, true }));
    }

    [Test]
    public void An_event_of_an_earlier_connection_on_the_same_descriptor_is_ignored()
    {
        var first = Admit(1)!;
        _table.Close(_table.Take(first.Token)!);
        var second = Admit(1)!;
        Assert.Multiple(() =>
        {
            Assert.That(second.Descriptor, Is.EqualTo(first.Descriptor), "the descriptor is used again");
            Assert.That(_table.Take(first.Token), Is.Null);
            Assert.That(_table.Take(second.Token), Is.SameAs(second));
        });
        _table.Close(second);
    }

    [Test]
    public void What_is_given_back_after_the_stop_is_closed()
    {
        var connection = _table.Take(Admit(1)!.Token)!;
        _table.Stop();
        _table.Park(connection);
        Assert.That(_table.Count, Is.Zero);
    }

    private Connection? Admit(uint uid)
    {
        var descriptor = UnixSocket.Create(UnixSocket.StreamType);
        var connection = _table.Admit(descriptor, new PeerCredentials(uid, uid, 1));
        if (connection is null) _ = Libc.Close(descriptor);
        return connection;
    }

    private bool IsOpen(Connection? connection) => _table.Take(connection!.Token) is not null;
}
