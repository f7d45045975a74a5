namespace EstProv.LocalApi.Interop;

/// <summary>errno(3) of Linux; these have the same numbers on x86-64 and arm64.</summary>
internal static class Errno
{
    public const int NotPermitted = 1, NoEntry = 2, Interrupted = 4, Again = 11, AccessDenied = 13, Exists = 17, NotDirectory = 20, InvalidArgument = 22;
    public const int TooManyFilesInSystem = 23, TooManyFiles = 24, BrokenPipe = 32, Range = 34;
    public const int AddressInUse = 98, ConnectionAborted = 103, ConnectionReset = 104, NoBuffers = 105, TimedOut = 110, ConnectionRefused = 111;

    /// <summary>A cause in words, for messages.</summary>
    public static string Describe(int error) => error switch
    {
        NotPermitted or AccessDenied => "permission denied",
        NoEntry => "no such file",
        NotDirectory => "a part of the path is not a folder",
        Again or TimedOut => "timed out",
        ConnectionRefused => "connection refused",
        ConnectionReset or BrokenPipe => "the connection was closed",
        AddressInUse => "address already in use",
        TooManyFiles or TooManyFilesInSystem => "too many open files",
        _ => $"error {error}",
    };
}
