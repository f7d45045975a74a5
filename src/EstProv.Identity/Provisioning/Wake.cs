namespace EstProv.Identity.Provisioning;

/// <summary>A wait that others can end. A signal given before the wait ends it at once.</summary>
internal sealed class Wake
{
    private readonly Lock _gate = new();
    private TaskCompletionSource _signal = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Signal()
    {
        lock (_gate) _signal.TrySetResult();
    }

    /// <param name="limit">Null waits for the signal only.</param>
    /// <returns>Whether it was the signal that ended the wait.</returns>
    public async Task<bool> WaitAsync(TimeSpan? limit, TimeProvider time, CancellationToken cancel)
    {
        Task signal;
        lock (_gate) signal = _signal.Task;
        try
        {
            await signal.WaitAsync(limit ?? Timeout.InfiniteTimeSpan, time, cancel);
        }
        catch (TimeoutException)
        {
            return false;
        }

        lock (_gate) _signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return true;
    }
}
