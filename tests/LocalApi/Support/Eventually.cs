namespace EstProv.LocalApi.Tests.Support;

internal static class Eventually
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static void Is(Func<bool> condition, string what) => Assert.That(SpinWait.SpinUntil(condition, Limit), what);

    /// <summary>Lets virtual time pass until a client has something to read.</summary>
    public static void Readable(RawClient client, TestServer server, TimeSpan step)
    {
        for (var i = 0; i < 1000; i++)
        {
            if (client.Socket.Poll(30_000, System.Net.Sockets.SelectMode.SelectRead)) return;
            server.Time.Advance(step);
        }

        Assert.Fail("nothing came");
    }
}
