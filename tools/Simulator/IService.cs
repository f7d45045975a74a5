namespace EstProv.Simulator;

/// <summary>EST, DPS or hub.</summary>
internal interface IService
{
    /// <summary>Names the exchange's route and label, before any fault or check.</summary>
    void Classify(Exchange exchange);

    Task HandleAsync(Exchange exchange);
}
