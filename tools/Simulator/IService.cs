namespace EstProv.Simulator;

/// <summary>EST, DPS or hub.</summary>
internal interface IService
{
    /// <summary>Names the exchange's route and label, before any fault or check.</summary>
    void Classify(Exchange exchange);

    Task HandleAsync(Exchange exchange);

    /// <summary>Answers an error status (400 and above) in the service's own form, as a fault wants it.</summary>
    Task FailAsync(Exchange exchange, int status);
}
