using EdgeSdk.Benchmarks;

// dotnet run -c Release --project tests/EdgeSdk.Benchmarks -- NAME
return args switch
{
    ["tokenizers"] => TokenizerBenchmark.Run(),
    ["constraints"] => ConstraintBenchmark.Run(),
    ["check-tokenizers"] => TokenizerCheck.Run(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("""
        tokenizers         tokenizing both ways, beside Hugging Face's tokenizers (Rust), on one core
        constraints        masks of constraints at a vocabulary of 150,000, beside the plain sampler
        check-tokenizers   the committed tokenizer variants, as that library reads them
        """);
    return 2;
}
