using System.Text.Json;
using EstProv.LocalApi.Interop;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.LocalApi.Server;

/// <summary>What one thread needs to serve connections, one after the other: buffers, request and response.</summary>
internal sealed partial class Worker
{
    private const int MostDrained = 512 * 1024;

    // What Utf8JsonReader marks its exceptions with when a value has another type or is not base64.
    private const string RaisedByJsonReader = "System.Text.Json.Rethrowable";

    private readonly LocalServer _server;
    private readonly LocalRequest _request;
    private readonly LocalResponse _response = new();
    private readonly RequestReader _reader;

    public Worker(LocalServer server)
    {
        _server = server;
        _request = new LocalRequest(server.Options);
        _reader = new RequestReader(server.Options, server.Time, _request);
    }

    /// <summary>Serves a connection until it pauses or ends, then parks or closes it.</summary>
    public void Serve(Connection connection, bool refuseAll)
    {
        connection.EndDeferral();
        _reader.Reset();
        while (true)
        {
            var outcome = _reader.Read(connection, wait: !refuseAll && _server.MayLinger(connection.Caller));
            if (outcome == ReadOutcome.Partial) outcome = ReadRest(connection, refuseAll);
            switch (outcome)
            {
                case ReadOutcome.Request:
                    if (Answer(connection, refuseAll))
                    {
                        if (!_server.IsHandingOver || !_reader.IsEmpty) break;
                        _server.Connections.Park(connection);
                        return;
                    }

                    _server.Connections.Close(connection);
                    return;
                case ReadOutcome.Idle:
                    _server.Connections.Park(connection);
                    return;
                case ReadOutcome.Refused:
                    _server.Count(refused: true);
                    _response.Problem(_server.Refusals.Describe(_reader.Refusal));
                    if (Send(connection, close: true, bodyWanted: true, wait: !refuseAll) && !refuseAll) Drain(connection);
                    _server.Connections.Close(connection);
                    return;
                default:
                    _server.Connections.Close(connection);
                    return;
            }
        }
    }

    /// <summary>A slow sender counts as a request in progress, so that it cannot take more threads than requests can.</summary>
    private ReadOutcome ReadRest(Connection connection, bool refuseAll)
    {
        if (refuseAll || !_server.Throttle.TryEnter(connection.Caller, waits: false)) return _reader.Refuse(Refusal.TooManyRequests);
        try
        {
            return _reader.Read(connection, wait: true);
        }
        finally
        {
            _server.Throttle.Leave(connection.Caller, waits: false);
        }
    }

    /// <summary>Answers the request that was read; false when the connection is to be closed.</summary>
    private bool Answer(Connection connection, bool refuseAll)
    {
        _response.Begin();
        var refusal = refuseAll ? Refusal.TooManyRequests : _server.Routes.Find(_request);
        var route = _request.Matched;
        if (refusal == Refusal.None && !_server.Throttle.TryEnter(connection.Caller, route!.Waits))
        {
            refusal = route.Waits ? Refusal.TooManyWaiting : Refusal.TooManyRequests;
        }

        _server.Count(refusal != Refusal.None);
        if (refusal != Refusal.None) _response.Problem(_server.Refusals.Describe(refusal, _request));
        else if (!Handle(connection, route!))
        {
            Forget();
            return false;
        }

        var isHead = _request.MethodBytes.SequenceEqual("HEAD"u8);
        // Who is refused is not listened to without end.
        var close = _request.Head.Close || isHead || _server.Stopping.IsCancellationRequested || (refuseAll && _reader.HasMore);
        var sent = Send(connection, close, !isHead, wait: !refuseAll);
        Forget();
        if (!sent || close) return false;
        _reader.Consume();
        return true;
    }

    /// <summary>Nothing secret of the request or its answer stays behind.</summary>
    private void Forget()
    {
        _response.End();
        if (_request.Secret) _reader.WipeBody();
    }

    /// <summary>False when the deadline's watch has answered in the handler's place.</summary>
    private bool Handle(Connection connection, Route route)
    {
        CancellationTokenSource? gone = null;
        _request.Stopping = _server.Stopping;
        if (route.Waits)
        {
            Interlocked.Decrement(ref connection.Caller.Workers);
            gone = new CancellationTokenSource();
            _request.Stopping = gone.Token;
            _server.Connections.WatchForLeaving(connection, gone);
            if (_server.Stopping.IsCancellationRequested) gone.Cancel();
        }

        connection.Route = route;
        connection.HandlingSince = _server.Time.GetTimestamp();
        Volatile.Write(ref connection.State, Connection.Handling);
        Invoke(connection, route);
        var mine = Interlocked.CompareExchange(ref connection.State, Connection.Owned, Connection.Handling) == Connection.Handling;
        _server.Throttle.Leave(connection.Caller, route.Waits);
        if (gone is null) return mine;
        _server.Connections.WatchForLeaving(connection, null);
        Interlocked.Increment(ref connection.Caller.Workers);
        return mine;
    }

    private void Invoke(Connection connection, Route route)
    {
        try
        {
            route.Handler(_request, _response);
            _response.Flush();
        }
        catch (ProblemException problem)
        {
            _response.Problem(problem);
        }
        catch (Exception cause) when (_request.ReadsJson && (cause is JsonException || cause.Source == RaisedByJsonReader))
        {
            _response.Problem(_request.BadJson(cause as JsonException));
        }
        catch (OperationCanceledException) when (_request.Stopping.IsCancellationRequested)
        {
            _response.Problem(_server.Refusals.Describe(Refusal.Stopping));
        }
        catch (Exception cause)
        {
            Log.HandlerFailed(_server.Logger, route.Name, connection.Peer.Uid, TypesOf(cause), cause.StackTrace?.ReplaceLineEndings(" ") ?? "");
            _response.Problem(_server.Refusals.Unexpected(route.Name));
        }
    }

    /// <summary>False when the answer could not be sent in time, or at all.</summary>
    private bool Send(Connection connection, bool close, bool bodyWanted, bool wait)
    {
        var data = _response.Finish(close, bodyWanted);
        long begun = 0;
        while (true)
        {
            var count = UnixSocket.Send(connection.Descriptor, data, wait);
            if (count == data.Length) return true;
            if ((count < 0 && count != -Errno.Again) || !wait) return false;
            if (count > 0) data = data[count..];
            if (begun == 0) begun = _server.Time.GetTimestamp();
            else if (_server.Time.GetElapsedTime(begun) >= _server.Options.RequestDeadline) return false;
        }
    }

    /// <summary>
    /// Reads away what a refused client is still sending, within limits, so that it comes to read its answer instead of an error of its
    /// own. Counts as a request in progress.
    /// </summary>
    private void Drain(Connection connection)
    {
        const int ShutWrite = 1, MostPauses = 10;
        _ = Libc.Shutdown(connection.Descriptor, ShutWrite);
        if (!_server.Throttle.TryEnter(connection.Caller, waits: false)) return;
        Span<byte> scrap = stackalloc byte[4096];
        var drained = 0;
        // Against one who drips: a pause alone would never come.
        var begun = _server.Time.GetTimestamp();
        for (var pauses = 0; pauses < MostPauses && drained < MostDrained && _server.Time.GetElapsedTime(begun) < _server.Options.RequestDeadline;)
        {
            var count = UnixSocket.Receive(connection.Descriptor, scrap, wait: true);
            if (count > 0) drained += count;
            else if (count == -Errno.Again) pauses++;
            else break;
        }

        _server.Throttle.Leave(connection.Caller, waits: false);
    }

    private static string TypesOf(Exception? cause)
    {
        var types = "";
        for (; cause is not null; cause = cause.InnerException) types = types.Length == 0 ? cause.GetType().ToString() : $"{types} < {cause.GetType()}";
        return types;
    }

    private static partial class Log
    {
        // The exception's text stays out: it may quote what the client sent.
        [LoggerMessage(103, LogLevel.Error, "{Route} for uid {Uid} failed unexpectedly: {Types} {Trace} (code=internal)")]
        public static partial void HandlerFailed(ILogger logger, string route, object uid, string types, string trace);
    }
}
