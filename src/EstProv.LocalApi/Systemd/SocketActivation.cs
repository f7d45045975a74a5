using EstProv.LocalApi.Interop;

namespace EstProv.LocalApi;

/// <summary>The listening sockets that systemd passes (sd_listen_fds(3)): descriptors from 3 on, meant for this process only.</summary>
public static class SocketActivation
{
    private const int FirstDescriptor = 3;

    /// <summary>The inherited Unix stream listeners; with <paramref name="name"/> only those of that FileDescriptorName=. Empty when there are none.</summary>
    public static int[] Take(string? name = null)
        => Take(name, Environment.GetEnvironmentVariable("LISTEN_PID"), Environment.GetEnvironmentVariable("LISTEN_FDS"), Environment.GetEnvironmentVariable("LISTEN_FDNAMES"), FirstDescriptor);

    internal static int[] Take(string? name, string? processId, string? count, string? names, int first)
    {
        if (!int.TryParse(processId, out var process) || process != Environment.ProcessId) return [];
        if (!int.TryParse(count, out var descriptors) || descriptors is < 1 or > 1024) return [];
        var namesByIndex = names?.Split(':') ?? [];
        List<int> taken = [];
        for (var i = 0; i < descriptors; i++)
        {
            if (name is not null && (i >= namesByIndex.Length || namesByIndex[i] != name)) continue;
            if (UnixSocket.IsListener(first + i)) taken.Add(first + i);
        }

        return [.. taken];
    }
}
