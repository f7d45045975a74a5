namespace EstProv.Platform;

/// <summary>Whether somebody is at the other end of a pipe: the framework's console passes over EPIPE.</summary>
public static class PipeEnd
{
    public const int StandardOutput = 1;

    /// <summary>
    /// poll(2) says of a pipe's end for writing that it has an error when nobody has the other one open. False for all that is no pipe.
    /// </summary>
    public static unsafe bool IsClosed(int descriptor)
    {
        const int Error = 8; // POLLERR
        // struct pollfd: int fd; short events; short revents, little-endian as all that we run on.
        var entry = stackalloc int[] { descriptor, 0 };
        return Libc.Poll(entry, 1, 0) > 0 && ((entry[1] >> 16) & Error) != 0;
    }
}
