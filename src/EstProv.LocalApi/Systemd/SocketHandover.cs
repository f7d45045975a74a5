using System.Globalization;
using EstProv.LocalApi.Interop;

namespace EstProv.LocalApi;

/// <summary>
/// The sockets that a process gives to the program that takes its place (execve(2)): those that listen, with whoever waits in their queue,
/// and the connections that are idle. Their numbers travel in an environment variable.
/// </summary>
public sealed class SocketHandover
{
    /// <summary>Lines of <c>PID|path|1 where the process bound it itself|listeners|connections</c>, the last two as lists of numbers.</summary>
    public const string Variable = "ESTPROV_HANDOVER";

    internal SocketHandover(string path, bool isOwn, int[] listeners, int[] connections)
    {
        Path = path;
        IsOwn = isOwn;
        Listeners = listeners;
        Connections = connections;
    }

    /// <summary>The socket's path, by which a server knows its own line.</summary>
    internal string Path { get; }

    /// <summary>The socket's file is the process's to remove.</summary>
    internal bool IsOwn { get; }

    internal int[] Listeners { get; }

    internal int[] Connections { get; }

    /// <summary>What has to stay open.</summary>
    public int[] Descriptors => [.. Listeners, .. Connections];

    /// <summary>For <see cref="Variable"/>.</summary>
    public override string ToString() => $"{Environment.ProcessId}|{Path}|{(IsOwn ? 1 : 0)}|{string.Join(',', Listeners)}|{string.Join(',', Connections)}";

    /// <summary>What the earlier program of this process has left for a socket; null where there is nothing.</summary>
    /// <param name="text">In place of the variable.</param>
    internal static SocketHandover? Take(string path, string? text)
    {
        foreach (var line in (text ?? Environment.GetEnvironmentVariable(Variable) ?? "").Split('\n'))
        {
            var parts = line.Split('|');
            if (parts.Length != 5 || parts[1] != path || parts[0] != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)) continue;
            var listeners = Array.FindAll(Numbers(parts[3]), UnixSocket.IsListener);
            if (listeners.Length > 0) return new SocketHandover(path, parts[2] == "1", listeners, Array.FindAll(Numbers(parts[4]), UnixSocket.IsConnection));
        }

        return null;
    }

    private static int[] Numbers(string list)
    {
        List<int> numbers = [];
        foreach (var part in list.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) numbers.Add(number);
        }

        return [.. numbers];
    }
}
